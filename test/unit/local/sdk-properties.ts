import * as path from "node:path";
import ts from "typescript";
import { projectRoot } from "../../../local/paths";
import type { Provider } from "../../../local/providers/handler";
import type { Property, PropertyTable } from "../../../local/providers/schema";

/**
 * Compares a simulated provider's tables with the declarations of the installed npm package: each property's name,
 * type, whether it is required and deprecated, each resource's outputs and each function's results.
 *
 * @param missing outputs that are not simulated on purpose, as `Resource.property`.
 * @returns one line a difference; empty when they agree.
 */
export function differencesFromSdk(provider: Provider, missing: readonly string[] = []): string[] {
    const index = path.join(projectRoot, "node_modules", "@pulumi", provider.name, "index.d.ts");
    const program = ts.createProgram([index], { skipLibCheck: true, types: [], strict: true });
    const sdk = new Sdk(program.getTypeChecker(), program.getSourceFile(index)!);
    const found: string[] = [];
    for (const [token, { inputs, outputs }] of Object.entries(provider.resources)) {
        const declared = sdk.resource(token);
        const name = token.split(":")[2]!;
        sdk.compareInputs(name, inputs, declared.args, found);
        sdk.compareOutputs(name, { ...inputs, ...outputs }, declared.instance, missing, found);
    }
    for (const [token, { inputs, outputs }] of Object.entries(provider.functions)) {
        const declared = sdk.function(token);
        const name = token.split(":")[2]!;
        sdk.compareInputs(name, inputs, declared.args, found);
        sdk.compareResults(name, outputs, declared.result, missing, found);
    }
    return found;
}

class Sdk {
    constructor(
        private readonly checker: ts.TypeChecker,
        private readonly index: ts.SourceFile,
    ) {}

    function(token: string): { args: ts.Type; result: ts.Type } {
        const scope = this.checker.getSymbolAtLocation(this.index)!;
        const type = this.checker.getTypeOfSymbol(this.exported(scope, token.split(":")[2]!));
        const [call] = type.getCallSignatures();
        const args = this.checker.getTypeOfSymbol(call!.getParameters()[0]!);
        return {
            args: this.checker.getNonNullableType(args),
            result: this.checker.getAwaitedType(call!.getReturnType())!,
        };
    }

    /** `random:index/randomId:RandomId` is exported at the top, `command:local:Command` by the module `local`. */
    resource(token: string): { args: ts.Type; instance: ts.Type } {
        const [, module, name] = token.split(":") as [string, string, string];
        let scope = this.checker.getSymbolAtLocation(this.index)!;
        if (!module.startsWith("index")) {
            scope = this.exported(scope, module.split("/")[0]!);
        }
        const type = this.checker.getTypeOfSymbol(this.exported(scope, name));
        const [construct] = type.getConstructSignatures();
        const args = construct!.getParameters()[1]!;
        return {
            args: this.checker.getNonNullableType(this.checker.getTypeOfSymbol(args)),
            instance: construct!.getReturnType(),
        };
    }

    private exported(scope: ts.Symbol, name: string): ts.Symbol {
        const symbol = this.checker.getExportsOfModule(scope).find((s) => s.name === name);
        if (symbol === undefined) throw new Error(`The package exports no ${name}.`);
        return symbol.flags & ts.SymbolFlags.Alias ? this.checker.getAliasedSymbol(symbol) : symbol;
    }

    compareInputs(at: string, table: PropertyTable, args: ts.Type, found: string[]): void {
        const declared = new Map(args.getProperties().map((symbol) => [symbol.name, symbol]));
        for (const name of Object.keys(table)) {
            if (!declared.has(name)) found.push(`${at}.${name}: the package has no such argument`);
        }
        for (const [name, symbol] of declared) {
            const property = Object.hasOwn(table, name) ? table[name] : undefined;
            if (property === undefined) {
                found.push(`${at}.${name}: missing in the table`);
                continue;
            }
            const optional = (symbol.flags & ts.SymbolFlags.Optional) !== 0;
            if (optional === (property.required ?? false)) {
                found.push(`${at}.${name}: ${optional ? "optional" : "required"} in the package`);
            }
            const deprecated = symbol.getJsDocTags().some((tag) => tag.name === "deprecated");
            const marked = property.deprecated !== undefined || property.refused !== undefined;
            if (deprecated && !marked) found.push(`${at}.${name}: deprecated in the package`);
            if (property.deprecated !== undefined && !deprecated) {
                found.push(`${at}.${name}: not deprecated in the package`);
            }
            this.compareType(
                `${at}.${name}`,
                property,
                this.checker.getTypeOfSymbol(symbol),
                found,
            );
        }
    }

    compareOutputs(
        at: string,
        table: PropertyTable,
        instance: ts.Type,
        missing: readonly string[],
        found: string[],
    ): void {
        const own = instance
            .getProperties()
            .filter((s) => s.name !== "urn" && s.name !== "id" && !s.name.startsWith("__"))
            .filter((s) => this.isOutput(this.checker.getTypeOfSymbol(s)))
            .map((s) => s.name);
        for (const name of own) {
            if (!Object.hasOwn(table, name) && !missing.includes(`${at}.${name}`)) {
                found.push(`${at}.${name}: an output that the table has not`);
            }
        }
        for (const name of Object.keys(table)) {
            if (!own.includes(name)) found.push(`${at}.${name}: no output of the package`);
        }
    }

    compareResults(
        at: string,
        table: PropertyTable,
        result: ts.Type,
        missing: readonly string[],
        found: string[],
    ): void {
        const own = result.getProperties().map((symbol) => symbol.name);
        for (const name of own) {
            if (!Object.hasOwn(table, name) && !missing.includes(`${at}.${name}`)) {
                found.push(`${at}.${name}: a result that the table has not`);
            }
        }
        for (const name of Object.keys(table)) {
            if (!own.includes(name)) found.push(`${at}.${name}: no result of the package`);
        }
    }

    private compareType(at: string, property: Property, declared: ts.Type, found: string[]): void {
        const plain = this.plain(declared);
        const got = this.kind(plain);
        const wanted = property.type === "integer" ? "number" : property.type;
        if (got !== wanted && wanted !== "any") {
            found.push(`${at}: ${wanted} in the table, ${got} in the package`);
            return;
        }
        if (property.type === "object") {
            this.compareInputs(at, property.properties, plain[0]!, found);
        }
        if (property.type === "array" || property.type === "map") {
            const index = plain.map(
                (type) => type.getNumberIndexType() ?? type.getStringIndexType(),
            )[0];
            if (index !== undefined) this.compareType(`${at}[]`, property.items, index, found);
        }
    }

    /** What remains of `Input<T> | undefined`: the members of T. */
    private plain(type: ts.Type): ts.Type[] {
        const members = type.isUnion() ? type.types : [type];
        return members.filter(
            (member) =>
                (member.flags & ts.TypeFlags.Undefined) === 0 &&
                member.symbol?.name !== "Promise" &&
                !this.isOutput(member),
        );
    }

    private isOutput(type: ts.Type): boolean {
        // `Output<T>` lifts T's properties, so that it is an intersection, and for a union of them a union.
        if (type.isUnionOrIntersection()) return type.types.some((member) => this.isOutput(member));
        return /^Output(Instance)?$/.test(type.symbol?.name ?? "");
    }

    private kind(types: ts.Type[]): string {
        const kinds = new Set(
            types.map((type) => {
                if (type.flags & ts.TypeFlags.Any) return "any";
                if (type.flags & ts.TypeFlags.StringLike) return "string";
                if (type.flags & ts.TypeFlags.NumberLike) return "number";
                if (type.flags & ts.TypeFlags.BooleanLike) return "boolean";
                if (this.checker.isArrayType(type)) return "array";
                if (/Asset$/.test(type.symbol?.name ?? "")) return "asset";
                if (/Archive$/.test(type.symbol?.name ?? "")) return "archive";
                return type.getStringIndexType() ? "map" : "object";
            }),
        );
        if (kinds.size === 2 && kinds.has("asset") && kinds.has("archive")) return "assetOrArchive";
        return [...kinds].join(" or ");
    }
}
