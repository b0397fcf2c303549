// Every example that a reader may copy compiles: those of the README and of the docstrings.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { projectRoot } from "../../local/paths";

interface Example {
    where: string;
    code: string;
}

/** The `ts` blocks of a file; in a docstring without its asterisks. */
function examplesOf(file: string): Example[] {
    const text = fs.readFileSync(path.join(projectRoot, file), "utf8");
    return [...text.matchAll(/^( \* )?```ts\n([\s\S]*?)^( \* )?```$/gm)].map((match) => ({
        where: `${file}:${text.slice(0, match.index).split("\n").length}`,
        code: match[2]!.replaceAll(/^ \* ?/gm, ""),
    }));
}

/** What examples speak of without making it: what stands around them is told in the text. */
const surroundings = `
declare const ssh: import("pulumi-mailhost").SshConnection;
declare const server: import("pulumi-mailhost").Server & { id: import("@pulumi/pulumi").Output<string> };
declare const plan: import("pulumi-mailhost").HostPlan;
declare const attachment: import("@pulumi/pulumi").Resource;
declare const setup: import("pulumi-mailhost").HostSetup;
declare const certificate: import("pulumi-mailhost").Certificate;
declare const dkim: import("pulumi-mailhost").SystemDkim;
declare const options: import("pulumi-mailhost").StackOptions;
declare const authBasicPassword: import("@pulumi/pulumi").Output<string>;
declare const cloudflareApiToken: import("@pulumi/pulumi").Output<string>;
`;

/** What an example without imports takes from the package. */
const components = "Certificate, certificateLineages, chosenAuthority, DataGuard, HostSetup";

function compile(examples: Example[]): string[] {
    const { config } = ts.readConfigFile(path.join(projectRoot, "tsconfig.json"), (file) =>
        ts.sys.readFile(file),
    ) as { config: object };
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, projectRoot);
    const files = new Map(
        examples.map(({ code }, n) => {
            const used = surroundings
                .split("\n")
                .filter(
                    (line) =>
                        !line.includes("const ") ||
                        !code.includes(`const ${line.split(" ")[2]?.replace(":", "")} =`),
                );
            const imports = code.includes("import ")
                ? ""
                : `import { ${components} } from "pulumi-mailhost";\n`;
            return [
                path.join(projectRoot, `example-${n}.ts`),
                `${imports}${code}\n${used.join("\n")}\nexport {};`,
            ];
        }),
    );
    const host = ts.createCompilerHost(options);
    const [getSourceFile, fileExists, readFile] = [
        host.getSourceFile.bind(host),
        host.fileExists.bind(host),
        host.readFile.bind(host),
    ];
    host.fileExists = (file) => files.has(file) || fileExists(file);
    host.readFile = (file) => files.get(file) ?? readFile(file);
    host.getSourceFile = (file, ...rest) => {
        const text = files.get(file);
        return text === undefined
            ? getSourceFile(file, ...rest)
            : ts.createSourceFile(file, text, options.target ?? ts.ScriptTarget.ES2022, true);
    };
    const program = ts.createProgram(
        [...files.keys()],
        { ...options, noUnusedLocals: false, noEmit: true },
        host,
    );
    return ts
        .getPreEmitDiagnostics(program)
        .filter((d) => d.file && files.has(d.file.fileName))
        .map((d) => {
            const n = [...files.keys()].indexOf(d.file!.fileName);
            return `${examples[n]!.where}: ${ts.flattenDiagnosticMessageText(d.messageText, " ")}`;
        });
}

test("the examples of README and docstrings compile", () => {
    const sources = fs
        .readdirSync(path.join(projectRoot, "components"), { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".ts"))
        .map((file) => path.join("components", file));
    const examples = ["README.md", "docs/library.md", ...sources].flatMap(examplesOf);
    assert.ok(examples.length >= 5, `${examples.length} examples found`);
    assert.deepEqual(compile(examples), []);
});

test("an example that is wrong is noticed", () => {
    const code = 'import { hetzner } from "pulumi-mailhost";\nhetzner({ sshAllowedCIDRs: [] });\n';
    assert.match(compile([{ where: "here:1", code }]).join("\n"), /^here:1: .*sshAllowedCIDRs/);
});
