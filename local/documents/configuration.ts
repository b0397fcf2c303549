import * as path from "node:path";
import * as prettier from "prettier";
import * as ts from "typescript";
import { groups, mailHostKeys } from "../../program/config-keys";
import { projectRoot } from "../paths";

/** Where the page stands, below the project's folder. */
export const configurationPage = path.join("docs", "configuration.md");

const introduction = `# Configuration

<!-- Written by \`npm run docs\` from the types of the settings. Change their documentation there, not here. -->

Every setting of the program, with its key. The namespace is \`mailhost\` whatever the project is called, and the arguments of the components have the same names.

\`\`\`sh
pulumi config set mailhost:rebootTime 03:15                                # a text, a number, true or false
pulumi config set --path 'mailhost:domains[0].name' example.org            # within a group or a list
pulumi config set --secret --path mailhost:secretEnvironment.SMTP_TRANSPORT_PASS   # asks for it
\`\`\`

A wrong setting fails the preview with its key, its value and what to do; all of them are reported at once.

The tokens of the providers stand under their own keys, as secrets: \`hcloud:token\` or \`digitalocean:token\`, and \`cloudflare:apiToken\`; the variables HCLOUD_TOKEN, DIGITALOCEAN_TOKEN and CLOUDFLARE_API_TOKEN stand for them.
`;

/** One setting: a row of a table, or a group with a table of its own. */
interface Setting {
    key: string;
    meaning: string;
    takes: string;
    byDefault: string;
    group?: Group;
}

interface Group {
    /** The key, e.g. `mailhost:dns`. */
    key: string;
    meaning: string;
    settings: Setting[];
}

/** The page on every setting, from the types that the program reads its configuration into. */
export async function configurationText(): Promise<string> {
    const file = path.join(projectRoot, "program", "config.ts");
    const configFile = path.join(projectRoot, "tsconfig.json");
    const { options } = ts.parseJsonConfigFileContent(
        ts.readConfigFile(configFile, (name) => ts.sys.readFile(name)).config,
        ts.sys,
        projectRoot,
    );
    const program = ts.createProgram([file], options);
    const checker = program.getTypeChecker();
    const module = checker.getSymbolAtLocation(program.getSourceFile(file)!)!;
    const config = checker
        .getExportsOfModule(module)
        .find(({ name }) => name === "MailHostConfig")!;
    const settings = asKeys(
        settingsOf(checker, checker.getDeclaredTypeOfSymbol(config), "mailhost:"),
    );
    const text = [
        introduction,
        ...table("mailhost:", settings),
        ...settings.flatMap((setting) => section(setting, 2)),
    ].join("\n");
    const style = await prettier.resolveConfig(path.join(projectRoot, configurationPage));
    return prettier.format(text, { ...style, parser: "markdown" });
}

/** Arguments below a group whose keys stand at the top: secrets are never nested. */
const atTop = ["secretEnvironment"];

/** The settings with the keys that the program reads them from. */
function asKeys(settings: readonly Setting[]): Setting[] {
    const nested = settings.flatMap(({ group }) => group?.settings ?? []);
    const moved = atTop.map((name) => ({
        ...nested.find(({ key }) => key.endsWith(`.${name}`))!,
        key: `mailhost:${name}`,
    }));
    const rest = settings.map(({ group, ...setting }) => ({
        ...setting,
        group: group && {
            ...group,
            settings: group.settings.filter((inner) => !nested.includes(inner) || !isMoved(inner)),
        },
    }));
    const keys = [...rest, ...moved];
    compare("mailhost:", keys, mailHostKeys);
    for (const [name, shape] of Object.entries(groups)) {
        const group = keys.find(({ key }) => key === `mailhost:${name}`)?.group;
        compare(`mailhost:${name}.`, group?.settings ?? [], shape);
    }
    return keys;
}

const isMoved = ({ key }: Setting) => atTop.some((name) => key.endsWith(`.${name}`));

/** The types and the keys say the same thing twice. */
function compare(prefix: string, settings: readonly Setting[], shape: object): void {
    const described = settings.map(({ key }) => key.slice(prefix.length)).sort();
    const read = Object.keys(shape).sort();
    if (described.join() !== read.join()) {
        throw new Error(
            `${prefix}: the types describe ${described.join(", ")}, the program reads ${read.join(", ")}`,
        );
    }
}

/** @param prefix stands before the names: `mailhost:`, `mailhost:dns.`. */
function settingsOf(checker: ts.TypeChecker, type: ts.Type, prefix: string): Setting[] {
    return checker.getPropertiesOfType(type).map((property) => {
        const own = checker.getTypeOfSymbol(property);
        const tags = property.getJsDocTags(checker);
        const byDefault = tags.find(({ name }) => name === "default");
        const meaning = ts.displayPartsToString(property.getDocumentationComment(checker));
        const optional = (property.flags & ts.SymbolFlags.Optional) !== 0;
        const key = prefix + property.name;
        const group = groupOf(checker, checker.getNonNullableType(own), key, meaning);
        return {
            key,
            meaning,
            takes: formOf(checker, checker.getNonNullableType(own)),
            byDefault: byDefault?.text
                ? ts.displayPartsToString(byDefault.text)
                : optional
                  ? ""
                  : "required",
            group,
        };
    });
}

/** A group of settings, or a list of such. */
function groupOf(
    checker: ts.TypeChecker,
    type: ts.Type,
    key: string,
    meaning: string,
): Group | undefined {
    const element = elementOf(checker, type);
    const inner = element ?? type;
    if ((inner.flags & ts.TypeFlags.Object) === 0 || inner.getCallSignatures().length > 0) return;
    if (checker.getIndexTypeOfType(inner, ts.IndexKind.String)) return;
    if (elementOf(checker, inner)) return;
    const name = element ? `${key}[n]` : key;
    return { key: name, meaning, settings: settingsOf(checker, inner, `${name}.`) };
}

function elementOf(checker: ts.TypeChecker, type: ts.Type): ts.Type | undefined {
    return checker.isArrayType(type)
        ? checker.getTypeArguments(type as ts.TypeReference)[0]
        : undefined;
}

/** What a setting takes, in words. */
function formOf(checker: ts.TypeChecker, type: ts.Type): string {
    const element = elementOf(checker, type);
    if (element) {
        return (element.flags & ts.TypeFlags.StringLike) !== 0 ? "a list of texts" : "a list";
    }
    if (type.isUnion()) {
        const literals = type.types.filter((part) => part.isStringLiteral());
        if (literals.length > 0) return literals.map((part) => `\`${part.value}\``).join(", ");
    }
    const text = checker.typeToString(type);
    if (text === "boolean") return "`true` or `false`";
    if (text === "number") return "a number";
    if (checker.getIndexTypeOfType(type, ts.IndexKind.String)) return "name → value";
    if ((type.flags & ts.TypeFlags.StringLike) !== 0 || text.startsWith("Input<string"))
        return "a text";
    return "a group";
}

function table(prefix: string, settings: readonly Setting[]): string[] {
    return [
        "| key | takes | meaning | default |",
        "| --- | --- | --- | --- |",
        ...settings.map(({ key, takes, meaning, byDefault, group }) => {
            const name = `\`${key.slice(prefix.length)}\``;
            const shown = group ? `[${name}](#${anchorOf(group.key)})` : name;
            return `| ${[shown, takes, cell(meaning), cell(byDefault)].join(" | ")} |`;
        }),
        "",
    ];
}

function section({ group }: Setting, level: number): string[] {
    if (group === undefined) return [];
    const prefix = `${group.key}.`;
    return [
        `${"#".repeat(Math.min(level, 4))} \`${group.key}\``,
        "",
        ...table(prefix, group.settings),
        ...group.settings.flatMap((setting) => section(setting, level + 1)),
    ];
}

/** As the common renderers make anchors of headings: no punctuation. */
function anchorOf(key: string): string {
    return key.toLowerCase().replace(/[^a-z0-9_-]/g, "");
}

/** Prose of several paragraphs in one cell, without a bar that would end it. */
function cell(text: string): string {
    return text
        .replace(/\{@link (\w+)\}/g, "`$1`")
        .replace(/\s*\n\s*/g, " ")
        .replaceAll("|", "\\|");
}
