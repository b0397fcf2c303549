import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, it } from "node:test";
import {
    closeSsh,
    deploy,
    firewallUrns,
    isOwnMachine,
    sshSources,
    withAllowedBlock,
} from "../../../pipeline/ssh-access";

const file = (blocks: string) =>
    `# ours\nencryptionsalt: v1:x\nconfig:\n  mailhost:server:\n    type: cax11 # small\n    sshAllowedCidrs: ${blocks}\n`;

it("one block is added to a stack's file, and nothing else changes", () => {
    assert.equal(
        withAllowedBlock(file("[ 203.0.113.0/24 ]"), "192.0.2.7/32"),
        file("[ 203.0.113.0/24, 192.0.2.7/32 ]"),
    );
    assert.equal(withAllowedBlock(file("[ 2001:db8::/32 ]"), "192.0.2.7/32") !== undefined, true);
});

it("a block that is allowed already is not added", () => {
    for (const blocks of ["[ 192.0.2.0/24 ]", "[ 192.0.2.7/32 ]", "[ 0.0.0.0/0 ]"]) {
        assert.equal(withAllowedBlock(file(blocks), "192.0.2.7/32"), undefined);
    }
});

it("a file without the list is refused with the way to set it", () => {
    for (const text of ["config: {}\n", file("null")]) {
        assert.throws(() => withAllowedBlock(text, "192.0.2.7/32"), /pulumi config set --path/);
    }
});

it("the provider's firewalls are found by their type", () => {
    const resources = ["hcloud:index/firewall:Firewall", "hcloud:index/server:Server"].map(
        (type) => ({ type, urn: `urn:pulumi:s::p::${type}::x` }),
    );
    assert.deepEqual(firewallUrns(JSON.stringify({ deployment: { resources } })), [
        "urn:pulumi:s::p::hcloud:index/firewall:Firewall::x",
    ]);
    assert.deepEqual(firewallUrns('{"deployment":null}'), []);
});

describe("an existing machine, which has no provider's firewall", () => {
    const server = (settings: string) => `config:\n  mailhost:server: { ${settings} }\n`;
    const existing = [
        server("provider: existing"),
        server('provider: "existing", sshAllowedCidrs: [ 203.0.113.0/24 ]'),
    ];

    /** What ran and what was said, of a project whose stack has this file. */
    async function seen(text: string, command: "deploy" | "close-ssh", code = 0) {
        const project = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-access-"));
        const file = path.join(project, "Pulumi.prod.yaml");
        fs.writeFileSync(file, text);
        const ran: string[] = [];
        const said: string[] = [];
        const options = {
            stack: "prod",
            project,
            say: (line: string) => void said.push(line),
            pulumi: (args: string[]) => {
                ran.push(args.join(" "));
                return Promise.resolve({ code, stdout: "", stderr: "told-why" });
            },
        };
        try {
            // Nobody answers there: an address is not asked for.
            const more = { commit: "a".repeat(40), addressUrl: "http://127.0.0.1:1" };
            if (command === "deploy") await deploy({ ...options, ...more });
            else await closeSsh(options);
            assert.equal(fs.readFileSync(file, "utf8"), text);
        } finally {
            fs.rmSync(project, { recursive: true });
        }
        return { ran, said };
    }

    it("is known by the settings", () => {
        for (const text of existing) assert.equal(isOwnMachine(text), true);
        for (const text of [file("[]"), server("provider: hetzner"), "config: {}\n", "", "a"]) {
            assert.equal(isOwnMachine(text), false);
        }
    });

    it("is deployed by a plain up: its own firewall does not let the runner in", async () => {
        for (const text of existing) {
            const { ran, said } = await seen(text, "deploy");
            assert.deepEqual(ran, [
                `up --stack prod --yes --skip-preview --message Deploy ${"a".repeat(40)}`,
            ]);
            assert.deepEqual(said, [
                "An existing machine: no firewall of a provider's is opened for this computer.",
            ]);
        }
    });

    it("says why when that fails", () =>
        assert.rejects(seen(existing[0]!, "deploy", 1), /The deployment failed[^]*told-why/));

    it("has nothing of a provider's to close", async () => {
        for (const text of existing) {
            const { ran, said } = await seen(text, "close-ssh");
            assert.deepEqual(ran, []);
            assert.deepEqual(said, [
                "An existing machine: no firewall of a provider's was opened, so none is to be closed.",
            ]);
        }
    });
});

it("who may log in is read from the state, of either provider's firewall", () => {
    const state = (outputs: object) =>
        JSON.stringify({
            deployment: {
                resources: [
                    { urn: "ours", outputs },
                    {
                        urn: "another",
                        outputs: {
                            rules: [{ protocol: "tcp", port: "22", sourceIps: ["0.0.0.0/0"] }],
                        },
                    },
                ],
            },
        });
    const hetzner = (port: string, sourceIps: string[], more: object = {}) => ({
        ...{ direction: "in", protocol: "tcp", port, sourceIps, ...more },
    });
    assert.deepEqual(
        sshSources(
            state({
                rules: [
                    hetzner("22", ["203.0.113.0/24"]),
                    hetzner("25", ["0.0.0.0/0"]),
                    hetzner("20-30", ["192.0.2.1/32", "203.0.113.0/24"]),
                    hetzner("any", ["192.0.2.2/32"]),
                    hetzner("22", ["192.0.2.3/32"], { direction: "out" }),
                    hetzner("22", ["192.0.2.4/32"], { protocol: "udp" }),
                    { direction: "in", protocol: "icmp", sourceIps: ["::/0"] },
                ],
            }),
            ["ours"],
        ),
        ["203.0.113.0/24", "192.0.2.1/32", "192.0.2.2/32"],
    );
    const ocean = (portRange: string, sourceAddresses: string[], protocol = "tcp") => ({
        ...{ protocol, portRange, sourceAddresses },
    });
    assert.deepEqual(
        sshSources(
            state({
                inboundRules: [
                    ocean("22", ["203.0.113.0/24"]),
                    ocean("23-65535", ["192.0.2.1/32"]),
                    ocean("all", ["192.0.2.2/32"]),
                    {
                        protocol: "tcp",
                        portRange: "22",
                        sourceTags: ["ops"],
                        sourceDropletIds: [7],
                    },
                    ocean("0", ["0.0.0.0/0"], "icmp"),
                ],
                outboundRules: [{ protocol: "tcp", portRange: "22" }],
            }),
            ["ours"],
        ),
        ["203.0.113.0/24", "192.0.2.2/32", "sourceTags ops", "sourceDropletIds 7"],
    );
    assert.deepEqual(sshSources('{"deployment":null}', ["ours"]), []);
});

describe("closing SSH", () => {
    const urn = "urn:pulumi:prod::p::hcloud:index/firewall:Firewall::mail-firewall";
    const state = (...sourceIps: string[]) =>
        JSON.stringify({
            deployment: {
                resources: [
                    {
                        ...{ urn, type: "hcloud:index/firewall:Firewall" },
                        outputs: {
                            rules: [{ direction: "in", protocol: "tcp", port: "22", sourceIps }],
                        },
                    },
                ],
            },
        });

    /** Closes it where these commands fail, and the provider lets these in at the end. */
    async function close(failing: string[], sources: string[], gone = false) {
        const project = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-access-"));
        fs.writeFileSync(
            path.join(project, "Pulumi.prod.yaml"),
            file("[ 2001:DB8::/32, 203.0.113.0/24 ]"),
        );
        const ran: string[] = [];
        const said: string[] = [];
        const closed = closeSsh({
            stack: "prod",
            project,
            say: (line) => void said.push(line),
            pulumi: ([command = "", ...args]) => {
                ran.push(command);
                const refreshed = gone && ran.includes("refresh");
                const stdout = args[0] === "export" ? (refreshed ? empty : state(...sources)) : "";
                const code = failing.includes(command) ? 255 : 0;
                return Promise.resolve({ code, stdout, stderr: `${command} told-why` });
            },
        });
        const failure = await closed.then(
            () => undefined,
            (error: Error) => error.message,
        );
        fs.rmSync(project, { recursive: true });
        return { ran, said, failure };
    }
    const empty = '{"deployment":{"resources":[]}}';
    const asSettled = ["203.0.113.0/24", "2001:db8::/32"];
    const shut = "SSH at the provider's firewall is as the settings say.";
    const mend =
        "(`pulumi cancel` where the stack is locked and nobody works on it), then: npm run pipeline -- close-ssh --stack prod";
    const remedy = `See why below, mend it ${mend}\n`;

    it("is done when the provider lets in whom the settings name", async () => {
        assert.deepEqual(await close([], asSettled), {
            ran: ["stack", "up", "refresh", "stack"],
            said: [shut],
            failure: undefined,
        });
    });

    it("is done, too, where the engine failed for another reason and the provider shows it shut", async () => {
        const { said, failure } = await close(["up"], asSettled);
        assert.deepEqual([said, failure], [[shut], undefined]);
    });

    it("is not where the provider lets in others, or not all, whatever the engine says", async () => {
        const open = (sources: string) =>
            `The provider's firewall lets SSH in from ${sources}, and the settings say 2001:DB8::/32 and 203.0.113.0/24. `;
        const { said, failure } = await close(["up"], [...asSettled, "192.0.2.7/32"]);
        assert.deepEqual(
            [said, failure],
            [
                [],
                `${open("203.0.113.0/24 and 2001:db8::/32 and 192.0.2.7/32")}${remedy}up told-why`,
            ],
        );
        assert.equal(
            (await close([], asSettled.slice(1))).failure,
            `${open("2001:db8::/32")}Mend it ${mend}`,
        );
        assert.equal((await close([], [])).failure, `${open("nowhere")}Mend it ${mend}`);
    });

    it("is not where the firewall is gone at the provider, which lets everybody in", async () => {
        const { said, failure } = await close(["up"], asSettled, true);
        assert.deepEqual(
            [said, failure],
            [
                [],
                `A firewall is gone at the provider, and every port of its server is open there: \`pulumi up\` makes it again. ${remedy}up told-why`,
            ],
        );
    });

    it("is unknown where the provider can't be asked", async () => {
        for (const failing of [["up", "refresh"], ["refresh"]]) {
            assert.deepEqual(await close(failing, asSettled), {
                ran: ["stack", "up", "refresh"],
                said: [],
                failure: `SSH may still be open for this run's address: the provider could not be asked. ${remedy}${failing[0]} told-why`,
            });
        }
    });
});
