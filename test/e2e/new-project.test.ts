// `pulumi new --name X`: the project has another name, and the stack files' keys are read all the same.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { parseDocument } from "yaml";
import { run, runQuietly } from "../../cli/run-program";
import { LocalStack, stackName } from "../../local/engine/stack";
import { projectRoot } from "../../local/paths";
import { addZone } from "../../local/zones";
import { checkOut } from "./support/operator";
import { readChanges, stackSize, suiteLimit, TestLaptop } from "./support/test-laptop";

describe("a project of another name", { timeout: suiteLimit }, () => {
    let laptop: TestLaptop;
    let stack: LocalStack;
    const work = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-new-"));
    const project = path.join(work, "my-mail");

    before(async () => {
        laptop = await TestLaptop.start("new", { kind: "container" });
        await addZone(laptop.info, "example.com");
        // The template is what git would clone: no node_modules, nothing that was made here.
        const template = path.join(work, "template");
        fs.mkdirSync(project);
        await checkOut(template);
        const { stdout, stderr } = await runQuietly(
            "pulumi",
            ["new", template, "--name", "my-mail", "--generate-only", "--yes", "--non-interactive"],
            { cwd: project, env: laptop.stack.environment },
        );
        assert.match(stdout, /Created project 'my-mail'/, stderr);
        assert.match(
            fs.readFileSync(path.join(project, "Pulumi.yaml"), "utf8"),
            /^name: my-mail$/m,
        );
        fs.symlinkSync(path.join(projectRoot, "node_modules"), path.join(project, "node_modules"));
        await run(
            "pulumi",
            ["stack", "init", stackName, "--secrets-provider=passphrase", "--non-interactive"],
            { cwd: project, env: laptop.stack.environment },
        );
        stack = new LocalStack(laptop.engine, laptop.info, project);
    });
    after(async () => {
        await laptop.close();
        fs.rmSync(work, { recursive: true, force: true });
    });

    test("previews the same host from a stack's own keys", async () => {
        const { code, stdout, stderr } = await stack.pulumi(["preview", "--stack", stackName]);
        assert.equal(code, 0, stdout + stderr);
        assert.deepEqual(readChanges(stdout), { create: stackSize });
    });

    for (const name of ["staging", "prod"]) {
        test(`reads Pulumi.${name}.yaml as shipped: only what the user must decide is missing`, async () => {
            const { code, stdout, stderr } = await previewWith(name, () => undefined);
            assert.notEqual(code, 0);
            const paths = [...(stdout + stderr).matchAll(/^ +(mailhost:\S+|hcloud:\S+): /gm)].map(
                (m) => m[1],
            );
            assert.deepEqual([...new Set(paths)].sort(), [
                "mailhost:domain",
                "mailhost:email",
                "mailhost:server.sshAllowedCidrs",
                ...["mail", "mongodb", "redis"].map((image) => `mailhost:stack.images.${image}`),
            ]);
        });

        test(`previews Pulumi.${name}.yaml with those given`, async () => {
            const { code, stdout, stderr } = await previewWith(name, (set) => {
                set(["mailhost:domain"], `${name}.example.com`);
                set(["mailhost:email"], "you@example.net");
                set(["mailhost:server", "sshAllowedCidrs"], ["203.0.113.0/24"]);
                // As `mailhost pin` writes them.
                set(["mailhost:stack", "images"], { ...laptop.info.images });
            });
            assert.equal(code, 0, stdout + stderr);
            // One mail domain, in an unsigned zone.
            assert.deepEqual(readChanges(stdout), { create: 73 });
        });
    }

    /** Previews with a shipped stack file, after edits, and the laptop cloud's access. */
    async function previewWith(
        name: string,
        edit: (set: (keys: string[], value: unknown) => void) => void,
    ) {
        const file = path.join(work, `Pulumi.${name}-edited.yaml`);
        const shipped = parseDocument(
            fs.readFileSync(path.join(project, `Pulumi.${name}.yaml`), "utf8"),
        );
        edit((keys, value) => shipped.setIn(["config", ...keys], value));
        const own = parseDocument(
            fs.readFileSync(path.join(laptop.folder, "pulumi", `Pulumi.${stackName}.yaml`), "utf8"),
        );
        shipped.set("encryptionsalt", own.get("encryptionsalt"));
        for (const key of [
            ...["hcloud:token", "hcloud:endpoint"],
            ...["cloudflare:apiToken", "cloudflare:baseUrl"],
        ]) {
            shipped.setIn(["config", key], own.getIn(["config", key]));
        }
        fs.writeFileSync(file, shipped.toString());
        return stack.pulumi(["preview", "--stack", stackName, `--config-file=${file}`]);
    }
});
