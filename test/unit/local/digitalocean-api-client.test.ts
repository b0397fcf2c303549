// The simulated API against a client that knows nothing of it: godo, which the provider wrote and which its Pulumi
// provider is made of. It comes from the Go module proxy, and is built the first time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "../../../cli/run-program";
import { ensureGoProgram } from "../../../local/go-programs/build";
import { goToolchain } from "../../../local/go-programs/go-build";
import { token, withOcean } from "./digitalocean-api-cloud";
import { publicKey } from "./public-key";

test("godo drives every kind of object", async (t) => {
    if ((await goToolchain()) === undefined) {
        t.skip("there is no Go here to build godo with");
        return;
    }
    const program = await ensureGoProgram("godo", (line) => t.diagnostic(line));
    await withOcean(async (ocean) => {
        const printed = await run(program, [], {
            input: JSON.stringify([`${ocean.endpoint}/`, token, publicKey()]),
            timeoutSeconds: 60,
        });
        const everyone = ["0.0.0.0/0", "::/0"];
        assert.deepEqual(JSON.parse(printed), [
            ["region", "Frankfurt 1", true],
            ["size", 4096, 2, 80],
            ["image", "Debian", "debian-13-x64"],
            ["account", "active"],
            ["key twice", 422, "SSH Key is already in use on your account"],
            ["new", "new", true, 0, "create"],
            [
                ...["droplet", "s-2vcpu-4gb", "fra1", "debian-13-x64", 80],
                ["ipv6", "private_networking"],
                ...["198.18.7.130", "2001:db8:7:83::1"],
            ],
            ["attach", "attach_volume", "completed"],
            ["attached twice", 422, "volume is already attached to Droplet 500000003"],
            ["attached volume", 409, "attached volume cannot be deleted"],
            ["volume", true],
            ["resize", "completed"],
            ["firewall twice", 409, "duplicate name"],
            ["rules", "25", everyone, "0", true],
            ["assigned", "assigned"],
            ["assigned", "assigned"],
            [
                ...["project in use", 412],
                "cannot delete a project with resources. move or remove the resources first",
            ],
            ["running", 422, "Droplet must be powered off to be resized."],
            ["power off", "completed"],
            ["other size", "completed"],
            ["power on", "completed"],
            ["rename", "completed"],
            ["changed", "mail.example.com", "s-4vcpu-8gb", 80],
            ["detach", "completed"],
            ["detached twice", 422, "Attachment not found"],
            ["gone", true],
            ["firewall is left", []],
            ["wrong token", 401, "Unable to authenticate you"],
        ]);
        const left = (["key", "droplet", "volume", "firewall"] as const).flatMap((kind) =>
            ocean.account.store.all(kind),
        );
        assert.deepEqual(left, []);
    });
});
