// Letting go of a host under the real engine, which runs the guard's command with the environment of `pulumi`. The
// program ssh is a stand-in that meets another host key.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { DataGuard } from "../../components/host/data-guard";
import { SimulatedStack } from "./support/simulated-stack";

const mismatch = "#!/bin/sh\ncat >/dev/null\necho 'Host key verification failed.' >&2\nexit 255\n";

describe("a host whose key is another one", () => {
    let stack: SimulatedStack;
    const kept = { path: process.env["PATH"], abandoned: process.env["MAILHOST_ABANDON_HOST"] };
    before(async () => {
        stack = await SimulatedStack.create();
        fs.writeFileSync(path.join(stack.folder, "bin", "ssh"), mismatch, { mode: 0o755 });
        process.env["PATH"] = `${path.join(stack.folder, "bin")}:${kept.path}`;
        delete process.env["MAILHOST_ABANDON_HOST"];
    });
    after(async () => {
        // Its destroy has to let go of the host as well.
        process.env["MAILHOST_ABANDON_HOST"] = "192.0.2.7";
        await stack?.remove();
        process.env["PATH"] = kept.path;
        delete process.env["MAILHOST_ABANDON_HOST"];
        if (kept.abandoned !== undefined) process.env["MAILHOST_ABANDON_HOST"] = kept.abandoned;
    });

    const host = (machineId: string) => () => {
        const guard = new DataGuard("mail-guard", {
            ssh: {
                ...{ host: "192.0.2.7", port: 22, user: "root" },
                ...{ privateKey: "key", hostKey: "ssh-ed25519 AAAA" },
            },
            machineId: pulumi.output(machineId),
            machineStays: true,
        });
        // As everything on the host, it stands on the guard.
        new random.RandomString("later", { length: 8 }, { dependsOn: guard });
    };

    test("is not replaced, until it is given up by name", async () => {
        await stack.up(host("one"));
        await assert.rejects(stack.up(host("two")), /MAILHOST_ABANDON_HOST=192\.0\.2\.7/);
        process.env["MAILHOST_ABANDON_HOST"] = "192.0.2.8";
        await assert.rejects(stack.up(host("two")), /shows another host key/);
        process.env["MAILHOST_ABANDON_HOST"] = "192.0.2.7";
        const replaced = await stack.up(host("two"));
        assert.equal(replaced.changes["replace"], 1);
        const { changes } = await stack.up(host("two"));
        assert.equal(changes["replace"], undefined);
    });
});
