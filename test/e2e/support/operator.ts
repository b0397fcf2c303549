import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { run, runQuietly } from "../../../cli/run-program";
import { shellQuote } from "../../../components/host/shell-quote";
import { stackName } from "../../../local/engine/stack";
import { projectRoot } from "../../../local/paths";
import { notRun, withoutComment, type Block, type BlocksOfTest } from "./documented";
import type { TestLaptop } from "./test-laptop";

/** What git would clone, with what is not committed yet; no packages, also where they are a link. */
export async function checkOut(folder: string): Promise<void> {
    fs.mkdirSync(folder, { recursive: true });
    // A checkout may be somebody else's, as in a container of a CI.
    const listed =
        "git -c safe.directory='*' ls-files -z --cached --others --exclude-standard --exclude=node_modules";
    await run(
        "sh",
        ["-c", `${listed} | tar --null -T - --ignore-failed-read -c | tar -x -C '${folder}'`],
        { cwd: projectRoot },
    );
}

/** A checkout in which a laptop's stack is the selected one, its file beside `Pulumi.yaml`. */
export async function checkOutFor(
    laptop: TestLaptop,
    { packages }: { packages: boolean },
): Promise<string> {
    const folder = path.join(laptop.folder, "operator", "pulumi-mailhost");
    await checkOut(folder);
    const file = `Pulumi.${stackName}.yaml`;
    // A checkout has one where somebody has brought that stack up by hand.
    fs.rmSync(path.join(folder, file), { force: true });
    fs.symlinkSync(path.join(laptop.folder, "pulumi", file), path.join(folder, file));
    if (packages)
        fs.symlinkSync(path.join(projectRoot, "node_modules"), path.join(folder, "node_modules"));
    await run("pulumi", ["stack", "select", stackName], {
        cwd: folder,
        env: laptop.stack.environment,
    });
    return folder;
}

export interface OperatorOptions {
    blocks: BlocksOfTest;
    /** Where the shell begins. */
    folder: string;
    environment: NodeJS.ProcessEnv;
    /** What stands in the documents as an example → what it is here. */
    examples?: Record<string, string>;
    /** A setting that `pulumi config set --secret` asks for → what is typed. */
    answers?: Record<string, string>;
    /** Functions of bash in place of commands: what a terminal has, or would have chosen. */
    functions?: string;
    /** Takes the place of `~/.ssh`, which is yours. */
    sshFolder?: string;
    /** The shell's variables that one block sets for another. */
    variables?: readonly string[];
}

/** Somebody who types the documents' commands: blocks run as they stand, one after the other in one shell. */
export class Operator {
    private state = "";

    constructor(private readonly options: OperatorOptions) {}

    /** Runs a block, and returns what it printed. */
    follow(page: string, name: string): Promise<string> {
        return this.runHere(this.options.blocks.take(page, name));
    }

    /** Runs a command of a sentence. */
    type(command: string): Promise<string> {
        return this.runHere(this.options.blocks.takeSentence(command));
    }

    /** Runs a block in root's shell on the host, which `ssh` with its arguments logs in to. */
    followOnHost(page: string, name: string, ssh: readonly string[]): Promise<string> {
        return this.runOnHost(this.options.blocks.take(page, name), ssh);
    }

    typeOnHost(command: string, ssh: readonly string[]): Promise<string> {
        return this.runOnHost(this.options.blocks.takeSentence(command), ssh);
    }

    private runOnHost(block: Block, ssh: readonly string[]): Promise<string> {
        return this.run(block, (script) => ["ssh", ...ssh, `bash -c ${shellQuote(script)}`]);
    }

    private runHere(block: Block): Promise<string> {
        const { sshFolder } = this.options;
        if (sshFolder === undefined) return this.run(block, (script) => ["bash", "-c", script]);
        fs.mkdirSync(sshFolder, { recursive: true, mode: 0o700 });
        // The shell's ~ is HOME, that of ssh is the user's entry; in a container of a CI they may differ.
        const homes = `~ "$(getent passwd "$(id -u)" | cut -d: -f6)"`;
        const mounted = `for home in ${homes}; do mkdir -p "$home/.ssh" && mount --bind ${shellQuote(sshFolder)} "$home/.ssh"; done\n`;
        return this.run(block, (script) => ["unshare", "--mount", "bash", "-c", mounted + script]);
    }

    private async run(block: Block, command: (script: string) => string[]): Promise<string> {
        const { blocks, environment } = this.options;
        const onHost = command("")[0] === "ssh";
        const script = [
            "set -euo pipefail",
            this.options.functions ?? "",
            ...(onHost ? [] : [this.terminal(), this.state]),
            this.asHere(block.text),
            ...(onHost ? [] : [this.keepState()]),
        ].join("\n");
        const [program = "", ...args] = command(script);
        const { code, stdout, stderr } = await runQuietly(program, args, {
            cwd: this.options.folder,
            env: environment,
            timeoutSeconds: 2700,
        });
        assert.equal(code, 0, `${block.where}\n${block.text}\n${stdout}${stderr}`);
        const [printed = "", state = ""] = stdout.split(marker);
        if (!onHost) this.state = state;
        blocks.wasRun(block);
        return printed + stderr;
    }

    /** The commands with this place's values for the documents' examples. */
    private asHere(text: string): string {
        const examples = Object.entries(this.options.examples ?? {});
        const lines = text.split("\n").filter((line) => notRun[withoutComment(line)] === undefined);
        assert.ok(lines.map(withoutComment).join("") !== "", `nothing of it is run:\n${text}`);
        return lines
            .map((line) => examples.reduce((all, [from, to]) => all.replaceAll(from, to), line))
            .join("\n");
    }

    /** Without a terminal `pulumi` neither asks nor shows before it does. */
    private terminal(): string {
        const answers = Object.entries(this.options.answers ?? {});
        return `declare -A answers=(${answers.map(([key, value]) => `[${shellQuote(key)}]=${shellQuote(value)}`).join(" ")})
pulumi() {
    local key=\${*: -1}
    case $1:\${2-} in
        up:* | destroy:*) command pulumi "$@" --yes --skip-preview ;;
        cancel:* | stack:rm) command pulumi "$@" --yes ;;
        config:set)
            if [[ " $* " == *" --secret "* && -v answers[$key] ]]; then
                printf %s "\${answers[$key]}" | command pulumi "$@"
            else
                command pulumi "$@"
            fi ;;
        *) command pulumi "$@" ;;
    esac
}`;
    }

    private keepState(): string {
        const { variables = [] } = this.options;
        const kept = variables.map((name) => `declare -p ${name} 2>/dev/null || true`);
        return [`printf '%s' ${shellQuote(marker)}`, `printf 'cd %q\\n' "$PWD"`, ...kept].join(
            "\n",
        );
    }
}

const marker = "--- the shell's state ---";
