// What the documents tell a reader to type is there: commands and their options, settings, outputs; and links lead
// somewhere.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, test } from "node:test";
import { projectRoot } from "../../local/paths";
import { readConfig } from "../../program/config";
import {
    blocksOf,
    inOwnWords,
    notRun,
    pages,
    runBy,
    sentences,
    sentencesOf,
    textOf,
    withoutComment,
} from "../e2e/support/documented";

interface Found {
    where: string;
    text: string;
}

/** The lines of blocks of commands and the code within sentences, without their comments. */
function code(file: string): Found[] {
    const text = textOf(file);
    const blocks = blocksOf(file).flatMap(({ where, text: block }) =>
        block.split("\n").map((line) => ({ where, text: line })),
    );
    const inline = [...text.matchAll(/`([^`\n]+)`/g)].map((match) => ({
        where: `${file}:${text.slice(0, match.index).split("\n").length}`,
        text: match[1]!,
    }));
    return [...blocks, ...inline].map(({ where, text: line }) => ({
        where,
        text: withoutComment(line),
    }));
}
const everything = pages.flatMap(code);

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
    test("have no command in a block that no test runs", () => {
        for (const page of pages) {
            const fences = [...textOf(page).matchAll(/^ *```(\S+)$/gm)].map(
                ([, language]) => language!,
            );
            for (const language of fences)
                assert.ok(["json", "sh", "ts", "yaml"].includes(language), `${page}: ${language}`);
            assert.equal(
                fences.filter((language) => language === "sh").length,
                blocksOf(page).length,
            );
            assert.deepEqual(
                blocksOf(page).map(({ name }) => name),
                Object.keys(runBy[page] ?? {}),
                `${page}: say in test/e2e/support/documented.ts which test runs each block`,
            );
        }
        for (const page of Object.keys(runBy)) assert.ok(pages.includes(page), page);
    });

    test("have no command in a sentence that no test runs", () => {
        const inBlocks = pages.flatMap(blocksOf).flatMap(({ text }) => text.split("\n"));
        const loud = (command: string) =>
            command.replace("npm run -s ", "npm run ").replace("npx mailhost", "mailhost");
        const run = [...inBlocks, ...Object.keys(sentences)].map(withoutComment).map(loud);
        const others = [...Object.keys(inOwnWords), ...Object.keys(notRun)];
        const found = pages.flatMap((page) => sentencesOf(page).map((text) => ({ page, text })));
        for (const { page, text } of found)
            assert.ok(
                run.some((command) => `${command} `.startsWith(`${loud(text)} `)) ||
                    others.includes(text),
                `${page}: say in test/e2e/support/documented.ts which test runs ${text}`,
            );
        const there = [...inBlocks.map(withoutComment), ...found.map(({ text }) => text)];
        for (const command of [...Object.keys(sentences), ...others])
            assert.ok(there.includes(command), `no document has ${command}`);
    });

    test("have tests that run what they are named for, or fail", () => {
        const named = [...Object.values(runBy).flatMap((names) => Object.values(names))];
        for (const file of new Set([...named, ...Object.values(sentences)]))
            assert.match(textOf(file), /^const blocks = blocksRunBy\(__filename\);$/m, file);
        for (const [file, piece] of Object.values(inOwnWords))
            assert.ok(textOf(file).includes(piece), `${file}: ${piece}`);
    });

    test("write no key into a clone where git would take it along", () => {
        const commands = [
            ...pages.flatMap(blocksOf).map(({ text }) => text),
            ...pages.flatMap(sentencesOf),
        ];
        const written = commands.flatMap((text) =>
            [...text.matchAll(/ (?:>|--file )([\w.-]+)\)?(?: |$)/gm)].map(([, file]) => file!),
        );
        for (const file of ["old-host.key", "mail-host.json", "state.json"])
            assert.ok(written.includes(file), file);
        const { stdout, stderr } = spawnSync(
            "git",
            ["-c", "safe.directory=*", "check-ignore", "--no-index", ...written],
            { cwd: projectRoot, encoding: "utf8" },
        );
        assert.deepEqual(stdout.trim().split("\n"), written, stderr);
    });

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
            // The programs of the examples have settings of their own.
            ({ where, groups: [key = ""] }) =>
                !key.startsWith("index:") && !where.startsWith("examples/"),
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
        for (const file of pages) {
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
