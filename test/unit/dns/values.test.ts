import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { hostDnsValues, sshKeyDigest } from "../../../components/dns/values";

const hostKey =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFTbo8QrDOlXvwWwOrkqdHGH8iXHANuZqAjYXwkY81ho host\n";

const addresses = (ipv4: string, ipv6: string) => ({
    ipv4: pulumi.output(ipv4),
    ipv6: pulumi.output(ipv6),
});

function known(output: pulumi.Output<string>): Promise<string> {
    return new Promise((resolve) => output.apply(resolve));
}

test("each value stands under its own reference", async () => {
    const output = pulumi.output("");
    const values = hostDnsValues(
        {
            inbound: addresses("192.0.2.1", "2001:db8::1"),
            outbound: addresses("192.0.2.2", "2001:db8::2"),
            ssh: { host: "", port: 22, user: "root", privateKey: "", hostKey },
            machineId: output,
            dataDevice: output,
            ready: [],
            nextSteps: [],
        },
        { publicKeys: { default: pulumi.output("MIIB"), s2027: pulumi.output("MIIC") } },
    );
    const found = await Promise.all(
        Object.entries(values).map(async ([key, value]) => [key, await known(value)] as const),
    );
    assert.deepEqual(Object.fromEntries(found), {
        ipv4: "192.0.2.1",
        ipv6: "2001:db8::1",
        "outbound-ipv4": "192.0.2.2",
        "outbound-ipv6": "2001:db8::2",
        "ssh-host-key": sshKeyDigest(hostKey),
        "system-dkim:default": "MIIB",
        "system-dkim:s2027": "MIIC",
    });
});

test("the digest of a host key is the one that OpenSSH publishes", (t) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-host-key-"));
    t.after(() => fs.rmSync(folder, { recursive: true }));
    const file = path.join(folder, "host-key.pub");
    fs.writeFileSync(file, hostKey);
    const records = execFileSync("ssh-keygen", ["-r", "mx.example.com", "-f", file], {
        encoding: "utf8",
    });
    const record = records.split("\n").find((line) => line.includes("SSHFP 4 2 "));
    assert.equal(sshKeyDigest(hostKey), record?.split(" ").at(-1));
});

for (const bad of ["", "ssh-ed25519", "ssh-ed25519 ", "AAAAC3Nz"]) {
    test(`${JSON.stringify(bad)} is no host key`, () => {
        assert.throws(() => sshKeyDigest(bad), /not in authorized_keys form/);
    });
}
