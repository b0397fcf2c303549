import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
    architectureConflict,
    locations,
    serverType,
    serverTypes,
    type ServerType,
} from "../../../components/server/hetzner-catalogue";
import {
    hetznerDefaults,
    hetznerMemory,
    hetznerProblems,
    hetznerSettings,
} from "../../../components/server/hetzner-arguments";

describe("the catalogue", () => {
    it("has each type once, somewhere", () => {
        const names = serverTypes.map(({ name }) => name);
        assert.deepEqual(names, [...new Set(names)]);
        for (const { name, locations: where } of serverTypes) {
            assert.ok(where.length > 0, name);
            assert.ok(
                where.every((location) => locations.some((known) => known === location)),
                name,
            );
        }
    });

    it("has ARM under the name cax alone, which tells the architecture of types that it lacks", () => {
        for (const { name, architecture } of serverTypes) {
            assert.equal(architecture === "arm", name.startsWith("cax"), name);
        }
    });

    it("has a default that fits the stack: ARM, 4 GB or more, at the default location", () => {
        const type = serverType(hetznerDefaults.type);
        assert.ok(type);
        assert.equal(type.architecture, "arm");
        assert.ok(type.memoryGb >= 4);
        assert.ok(type.locations.includes(hetznerDefaults.location));
    });
});

describe("the type that has enough memory", () => {
    const atLeast = (type: string, location: string, memoryMb: number) =>
        hetznerMemory({ type, location }).atLeast(memoryMb);

    it("is the smallest of the same architecture at the same location", () => {
        assert.equal(atLeast("cpx11", "ash", 4096), "cpx21");
        assert.equal(atLeast("cax11", "fsn1", 4096), "cax11");
        assert.equal(atLeast("cax11", "fsn1", 4097), "cax21");
        assert.equal(atLeast("cx23", "fsn1", 8192), "cx33");
        assert.equal(atLeast("cpx11", "ash", 1 << 20), undefined);
    });

    it("is offered there, boots the same disk, and has what was asked for; each smaller one lacks it", () => {
        for (const { name, architecture } of serverTypes)
            for (const location of locations)
                for (const memoryGb of [2, 4, 8, 16]) {
                    const fits = (type: ServerType) =>
                        type.architecture === architecture &&
                        type.memoryGb >= memoryGb &&
                        type.locations.includes(location);
                    const found = serverType(atLeast(name, location, memoryGb * 1024) ?? "");
                    const all = serverTypes.filter(fits);
                    assert.equal(found === undefined, all.length === 0, `${name} ${location}`);
                    if (found === undefined) continue;
                    assert.ok(fits(found), found.name);
                    assert.ok(
                        all.every((type) => type.memoryGb >= found.memoryGb),
                        found.name,
                    );
                }
    });

    it("stands with the argument that is to be changed", () => {
        const { path, value } = hetznerMemory({ type: "cpx11", location: "ash" });
        assert.deepEqual({ path, value }, { path: "server.type", value: "cpx11" });
    });
});

describe("architectureConflict", () => {
    const cases: [
        type: string,
        architecture: "x86" | "arm",
        running: string[],
        conflict: boolean,
    ][] = [
        ["cax21", "arm", [], false],
        ["cax21", "arm", ["cax11"], false],
        ["cx23", "x86", ["cpx51"], false],
        ["cx23", "x86", ["cx22"], false],
        ["cax99", "arm", ["cax11"], false],
        ["cax21", "arm", ["cax99"], false],
        ["cax21", "arm", ["cx23"], true],
        ["cx23", "x86", ["cax21"], true],
        ["cx23", "x86", ["cax99"], true],
        ["cax21", "arm", ["cx11-retired"], true],
        ["cax21", "arm", ["cax11", "cx23"], true],
    ];
    for (const [type, architecture, running, conflict] of cases) {
        it(`${running.join(", ") || "nothing"} → ${type}: ${conflict ? "refused" : "fine"}`, () => {
            const servers = running.map((name) => ({ name: "mx.example.com", serverType: name }));
            assert.equal(architectureConflict(type, architecture, servers) !== undefined, conflict);
        });
    }
});

describe("hetznerSettings", () => {
    it("fills in every default", () => {
        assert.deepEqual(hetznerSettings({ sshAllowedCidrs: ["203.0.113.0/24"] }), {
            sshAllowedCidrs: ["203.0.113.0/24"],
            type: "cax21",
            location: "fsn1",
            image: "debian-13",
            system: "debian-13",
            volumeSizeGb: 40,
            authorizedKeys: [],
            architecture: "arm",
        });
    });

    it("takes the system from the image's name, or as it is said of a snapshot", () => {
        const system = (image: string, said?: "ubuntu-22.04") =>
            hetznerSettings({ sshAllowedCidrs: [], image, system: said }).system;
        assert.equal(system("ubuntu-24.04"), "ubuntu-24.04");
        assert.equal(system("4711", "ubuntu-22.04"), "ubuntu-22.04");
    });
});

describe("operators' public keys", () => {
    const blob = (algorithm: string) => {
        const name = Buffer.from(algorithm);
        const length = Buffer.alloc(4);
        length.writeUInt32BE(name.length);
        return Buffer.concat([length, name, Buffer.alloc(36, 7)]).toString("base64");
    };
    const fine = [
        `ssh-ed25519 ${blob("ssh-ed25519")}`,
        `ssh-ed25519 ${blob("ssh-ed25519")} me@laptop and more`,
        `ssh-rsa ${blob("ssh-rsa")} me\n`,
        `ecdsa-sha2-nistp256 ${blob("ecdsa-sha2-nistp256")}`,
        `sk-ssh-ed25519@openssh.com ${blob("sk-ssh-ed25519@openssh.com")} token`,
    ];
    const wrong = [
        "",
        "ssh-ed25519",
        `ssh-dss ${blob("ssh-dss")}`,
        `ssh-rsa ${blob("ssh-ed25519")}`,
        `ssh-ed25519 ${blob("ssh-ed25519").slice(0, 8)}`,
        `ssh-ed25519 ${blob("ssh-ed25519")}\nssh-ed25519 ${blob("ssh-ed25519")}`,
        `command="reboot" ssh-ed25519 ${blob("ssh-ed25519")}`,
    ];
    const paths = (key: string) =>
        hetznerProblems("server", {
            sshAllowedCidrs: ["203.0.113.0/24"],
            authorizedKeys: [key],
        }).map(({ path }) => path);
    for (const key of fine)
        it(`takes ${JSON.stringify(key.slice(0, 40))}`, () => assert.deepEqual(paths(key), []));
    for (const key of wrong) {
        it(`refuses ${JSON.stringify(key.slice(0, 40))}`, () =>
            assert.deepEqual(paths(key), ["server.authorizedKeys[0]"]));
    }

    it("never repeats a private one", () => {
        const [problem] = hetznerProblems("server", {
            sshAllowedCidrs: ["203.0.113.0/24"],
            authorizedKeys: ["-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n"],
        });
        assert.ok(problem && !JSON.stringify(problem).includes("b3BlbnNzaC1rZXk"));
    });
});
