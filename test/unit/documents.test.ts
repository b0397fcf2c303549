// What the documents tell a reader to type is there: commands and their options, settings, outputs; and links lead
// somewhere.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, test } from "node:test";
import { projectRoot } from "../../local/paths";
import { readConfig } from "../../program/config";

const documents = [
    "README.md",
    "CONTRIBUTING.md",
    "bench/README.md",
    ...fs
        .readdirSync(path.join(projectRoot, "docs"))
        .filter((name) => name.endsWith(".md"))
        .map((name) => `docs/${name}`),
];
const textOf = (file: string) => fs.readFileSync(path.join(projectRoot, file), "utf8");

interface Found {
    where: string;
    text: string;
}

/** The lines of shell blocks and the code within sentences, without their comments. */
function code(file: string): Found[] {
    const text = textOf(file);
    const at = (index: number) => `${file}:${text.slice(0, index).split("\n").length}`;
    const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap((block) =>
        block[1]!.split("\n").map((line) => ({ where: at(block.index), text: line })),
    );
    const inline = [...text.matchAll(/`([^`\n]+)`/g)].map((match) => ({
        where: at(match.index),
        text: match[1]!,
    }));
    return [...blocks, ...inline].map(({ where, text: line }) => ({
        where,
        text: line.replace(/(^|\s)#\s.*/, ""),
    }));
}
const everything = documents.flatMap(code);

function matches(pattern: RegExp): { where: string; groups: string[] }[] {
    return everything.flatMap(({ where, text }) =>
        [...text.matchAll(pattern)].map((match) => ({
            where,
            groups: match.slice(1).map((group) => group ?? ""),
        })),
    );
}

const helps = new Map<string, string>();
/** What a command says of itself with `--help`. */
function helpOf(...command: string[]): string {
    const key = command.join(" ");
    if (!helps.has(key)) {
        const { stdout } = spawnSync(process.execPath, ["--import", "tsx", ...command, "--help"], {
            cwd: projectRoot,
            encoding: "utf8",
        });
        helps.set(key, stdout);
    }
    return helps.get(key)!;
}

describe("the documents", () => {
    test("name scripts that package.json has", () => {
        const { scripts } = JSON.parse(textOf("package.json")) as { scripts: object };
        const named = matches(/\bnpm (?:run (?:-s )?|)(test|[\w:]+)\b/g).filter(
            ({ groups: [name = ""] }) => !["ci", "install", "ls", "pack", "run"].includes(name),
        );
        assert.ok(named.length > 20);
        for (const { where, groups } of named)
            assert.ok(Object.hasOwn(scripts, groups[0]!), `${where}: npm run ${groups[0]}`);
    });

    test("name commands and options that there are", () => {
        const mains: Record<string, string[]> = {
            local: ["local/cli.ts", "local"],
            mailhost: ["cli/main.ts"],
        };
        const named = matches(/npm run (?:-s )?(local|mailhost) -- ([^|;>]*)/g);
        assert.ok(named.length > 10);
        for (const { where, groups } of named) {
            const [program = "", rest = ""] = groups;
            const words = rest.trim().split(/\s+/);
            const main = mains[program]!;
            const command = words.find((word) => /^[a-z]/.test(word));
            const isCommand = words[0] === command && command !== undefined;
            if (isCommand)
                assert.match(
                    helpOf(...main),
                    new RegExp(`^  ${command}\\b`, "m"),
                    `${where}: ${program} ${command}`,
                );
            const help = isCommand ? helpOf(...main, command) : helpOf(...main, "up");
            for (const option of words.filter((word) => word.startsWith("--")))
                assert.ok(
                    help.includes(option.replace(/=.*/, "")),
                    `${where}: ${program} ${command ?? ""} ${option}`,
                );
        }
    });

    test("name settings that the program knows", () => {
        const named = matches(/\bmailhost:([a-zA-Z][\w.[\]]*)/g).filter(
            ({ groups: [key = ""] }) => !key.startsWith("index:"),
        );
        assert.ok(named.length > 40);
        for (const { where, groups } of named) {
            const key = groups[0]!.replace(/[.[]+$/, "");
            const { problems } = readConfig({
                entries: entryOf(key),
                secretKeys: [],
                project: "mailhost",
                stack: "test",
                environment: {},
            });
            const unknown = problems.filter(
                ({ path: at, reason }) =>
                    at.startsWith(`mailhost:${key.split(/[.[]/)[0]}`) &&
                    /no such (key|setting)|is not a (variable|service)/.test(reason),
            );
            assert.deepEqual(unknown, [], `${where}: mailhost:${key}`);
        }
    });

    test("name outputs that the program has", () => {
        const exported = /export const \{([^}]*)\} = mail;/.exec(textOf("index.ts"))![1]!;
        const outputs = exported.split(",").map((name) => name.trim());
        const named = matches(/pulumi stack output (\w+)/g);
        assert.ok(named.length > 5);
        for (const { where, groups } of named)
            assert.ok(outputs.includes(groups[0]!), `${where}: ${groups[0]}`);
    });

    test("link to what is there", () => {
        for (const file of documents) {
            for (const [, target = ""] of textOf(file).matchAll(/\]\(([^)\s]+)\)/g)) {
                if (/^[a-z]+:/.test(target)) continue;
                const [name = "", anchor] = target.split("#");
                const linked =
                    name === "" ? file : path.join(path.dirname(file), decodeURIComponent(name));
                assert.ok(
                    fs.existsSync(path.join(projectRoot, linked)),
                    `${file}: ${target} is not there`,
                );
                if (anchor === undefined) continue;
                assert.ok(anchorsOf(linked).includes(anchor), `${file}: ${target} has no heading`);
            }
        }
    });
});

/** A configuration in which nothing but that key stands, with the groups and lists around it. */
function entryOf(key: string): Record<string, string> {
    const [top = "", ...steps] = key.split(/[.[\]]+/).filter((step) => step !== "");
    if (steps.length === 0) return { [`mailhost:${top}`]: "x" };
    const value = steps.reduceRight<unknown>(
        (inner, step) => (/^\d+$|^n$/.test(step) ? [inner] : { [step]: inner }),
        "x",
    );
    return { [`mailhost:${top}`]: JSON.stringify(value) };
}

/** Anchors as GitHub makes them of headings. */
function anchorsOf(file: string): string[] {
    return [...textOf(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
        heading
            .toLowerCase()
            .replace(/[^\p{L}\p{N}\s_-]/gu, "")
            .replaceAll(" ", "-"),
    );
}
