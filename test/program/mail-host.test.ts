import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { cloudflare, hetzner, MailHost, planHost, type MailHostArgs } from "../../components";
import { setupScript } from "../../components/host/host-setup";
import { images } from "../unit/stack/stacks";
import { generated } from "./support/computed-outputs";
import { propertyFaults } from "./support/property-tables";
import { RecordingMock, valueOf } from "./support/recording-mock";
import { withoutSecretValues } from "./support/secret-values";

const cloudflareApiToken = "c".repeat(40);
const args: MailHostArgs = {
    domain: "example.com",
    email: "you@example.net",
    server: hetzner({ sshAllowedCidrs: ["203.0.113.0/24"] }),
    dns: cloudflare(),
    certificate: { cloudflareApiToken },
    stack: { images },
};
const password = generated("mail-auth-basic-password", 32);

interface Given {
    preview?: boolean;
    args?: Partial<MailHostArgs>;
}

async function make(given: Given = {}) {
    const { mock, result } = await RecordingMock.run(
        given,
        () => new MailHost("mail", { ...args, ...given.args }),
    );
    return { mock, mail: result };
}

const userDataDelivery: Partial<MailHostArgs> = { secretDelivery: "user-data" };

describe("MailHost", () => {
    it("is the ancestor of everything, under stable names", async () => {
        const { mock } = await make();
        assert.deepEqual(
            mock.resources
                // Those of the records have a test of their own.
                .filter(({ type }) => type !== "cloudflare:index/dnsRecord:DnsRecord")
                .map(({ type, name, parent }) => `${type} ${name} < ${parent}`)
                .sort(),
            [
                "command:local:Command mail-guard-rest < mailhost:index:DataGuard::mail-guard",
                "command:local:Command mail-stack-reachability < mailhost:index:Stack::mail-stack",
                "command:remote:Command mail-certificate-issue < mailhost:index:Certificate::mail-certificate",
                "command:remote:Command mail-host-apply < mailhost:index:HostSetup::mail-host",
                "command:remote:Command mail-stack-deploy < mailhost:index:Stack::mail-stack",
                "command:remote:Command mail-stack-pull < mailhost:index:Stack::mail-stack",
                "hcloud:index/firewall:Firewall mail-firewall < mailhost:index:HetznerServer::mail",
                "hcloud:index/primaryIp:PrimaryIp mail-ipv4 < mailhost:index:HetznerServer::mail",
                "hcloud:index/primaryIp:PrimaryIp mail-ipv6 < mailhost:index:HetznerServer::mail",
                "hcloud:index/rdns:Rdns mail-ptr-ipv4 < mailhost:index:HetznerServer::mail",
                "hcloud:index/rdns:Rdns mail-ptr-ipv6 < mailhost:index:HetznerServer::mail",
                "hcloud:index/server:Server mail-server < mailhost:index:HetznerServer::mail",
                "hcloud:index/sshKey:SshKey mail-login-key < mailhost:index:HetznerServer::mail",
                "hcloud:index/volume:Volume mail-data < mailhost:index:HetznerServer::mail",
                "hcloud:index/volumeAttachment:VolumeAttachment mail-data < mailhost:index:HetznerServer::mail",
                "mailhost:index:Certificate mail-certificate < mailhost:index:MailHost::mail",
                "mailhost:index:CloudflareZoneBase mail-dns < mailhost:index:MailHost::mail",
                "mailhost:index:CloudflareZoneServing mail-dns < mailhost:index:MailHost::mail",
                "mailhost:index:DataGuard mail-guard < mailhost:index:HetznerServer::mail",
                "mailhost:index:HetznerServer mail < mailhost:index:MailHost::mail",
                "mailhost:index:HostSetup mail-host < mailhost:index:MailHost::mail",
                "mailhost:index:MailHost mail < undefined",
                "mailhost:index:Stack mail-stack < mailhost:index:MailHost::mail",
                "mailhost:index:StackKeys mail-stack-keys < mailhost:index:MailHost::mail",
                "mailhost:index:SystemDkim mail-dkim < mailhost:index:MailHost::mail",
                ...["api", "txt-encryption", "webhook-signature"].map(
                    (key) =>
                        `random:index/randomBytes:RandomBytes mail-stack-keys-${key} < mailhost:index:StackKeys::mail-stack-keys`,
                ),
                "random:index/randomPassword:RandomPassword mail-auth-basic-password < mailhost:index:MailHost::mail",
                ...["helper-encryption", "smtp-transport", "srs"].map(
                    (key) =>
                        `random:index/randomPassword:RandomPassword mail-stack-keys-${key} < mailhost:index:StackKeys::mail-stack-keys`,
                ),
                "tls:index/privateKey:PrivateKey mail-dkim-default < mailhost:index:SystemDkim::mail-dkim",
                "tls:index/privateKey:PrivateKey mail-host-key < mailhost:index:HetznerServer::mail",
                "tls:index/privateKey:PrivateKey mail-login-key < mailhost:index:HetznerServer::mail",
            ],
        );
    });

    it("keeps its arguments out of the components' state", async () => {
        const { mock } = await make({ args: userDataDelivery });
        for (const component of mock.resources.filter(({ custom }) => !custom)) {
            assert.deepEqual(component.inputs, {}, component.type);
        }
    });

    for (const preview of [false, true]) {
        it(`gives every resource what its provider takes (${preview ? "preview" : "update"})`, async () => {
            for (const changes of [{}, userDataDelivery, { protect: false, debug: true }]) {
                const { mock } = await make({ preview, args: changes });
                const faults = mock.resources
                    .filter(({ custom }) => custom)
                    .flatMap(propertyFaults);
                assert.deepEqual(faults, []);
            }
        });
    }

    it("leaves no secret in plain state, neither as an input nor as an output", async () => {
        const { mock } = await make({ args: userDataDelivery });
        const state = JSON.stringify([
            mock.resources.map(({ sent }) => withoutSecretValues(sent)),
            withoutSecretValues(mock.outputs),
        ]);
        assert.ok(state.includes("mx.example.com"));
        for (const value of [password, cloudflareApiToken, "PRIVATE KEY"]) {
            assert.ok(!state.includes(value), value);
        }
    });

    it("registers every public output", async () => {
        const { mock, mail } = await make();
        const registered = mock.outputs["mailhost:index:MailHost::mail"] ?? {};
        const own = Object.entries(mail).filter(
            ([key, value]) => key !== "urn" && pulumi.Output.isInstance(value),
        );
        assert.deepEqual(
            Object.keys(registered).sort(),
            own
                .map(([key]) => key)
                .filter((key) => !key.startsWith("__"))
                .sort(),
        );
        assert.deepEqual(
            Object.keys(mock.outputs["mailhost:index:HetznerServer::mail"] ?? {}).sort(),
            ["dataDevice", "dataSizeGb", "inbound", "machineId", "nextSteps", "outbound", "ssh"],
        );
    });

    it("changes only the server for another image, so that addresses, PTR, data and keys stay", async () => {
        const before = await make();
        const after = await make({
            args: {
                server: hetzner({ sshAllowedCidrs: ["203.0.113.0/24"], image: "ubuntu-24.04" }),
            },
        });
        const changed = after.mock.resources.flatMap(({ type, name, inputs }) =>
            Object.keys(inputs)
                .filter((key) => {
                    const other = before.mock.resource(type, name).inputs[key];
                    return JSON.stringify(inputs[key]) !== JSON.stringify(other);
                })
                .map((key) => `${name}.${key}`),
        );
        assert.deepEqual(changed.sort(), [
            "mail-host-apply.stdin",
            "mail-server.image",
            "mail-server.userData",
        ]);
    });

    it("makes a password that files can hold", async () => {
        const { mock } = await make();
        assert.deepEqual(
            mock.resource("random:index/randomPassword:RandomPassword", "mail-auth-basic-password")
                .inputs,
            {
                length: 32,
                special: false,
            },
        );
    });

    it("opens the ports of mail and web, and SSH to the operators", async () => {
        const { mock } = await make();
        const { rules } = mock.resource("hcloud:index/firewall:Firewall", "mail-firewall").inputs;
        assert.deepEqual(
            (rules as { port?: string; protocol: string; sourceIps: string[] }[]).map(
                ({ protocol, port, sourceIps }) => `${protocol} ${port} ${sourceIps.join(" ")}`,
            ),
            [
                "tcp 22 203.0.113.0/24",
                ...[25, 80, 443, 465, 993, 995].map((port) => `tcp ${port} 0.0.0.0/0 ::/0`),
                "icmp undefined 0.0.0.0/0 ::/0",
            ],
        );
    });

    it("sets the host up over SSH, once volume, PTR and guard are there", async () => {
        const { mock, mail } = await make({
            args: { authBasicUsername: "setup", rebootTime: "03:15", debug: true },
        });
        const applied = mock.resource("command:remote:Command", "mail-host-apply");
        const volume = mock.resource("hcloud:index/volumeAttachment:VolumeAttachment", "mail-data")
            .inputs["volumeId"];
        assert.equal(
            applied.inputs["stdin"],
            setupScript(
                planHost({
                    system: "debian-13",
                    fqdn: "mx.example.com",
                    domain: "example.com",
                    email: "you@example.net",
                    authBasicUsername: "setup",
                    authorizedKeys: [],
                    openTcpPorts: [25, 80, 443, 465, 993, 995],
                    rebootTime: "03:15",
                    debug: true,
                    secretDelivery: "ssh",
                }),
                {
                    dataDevice: `/dev/disk/by-id/scsi-0HC_Volume_${String(volume)}`,
                    dataSizeGb: 40,
                    secrets: {},
                },
            ),
        );
        const connection = applied.inputs["connection"] as Record<string, unknown>;
        assert.equal(connection["host"], await valueOf(mail.ipv4));
        assert.equal(connection["hostKey"], "ssh-ed25519 bWFpbC1ob3N0LWtleQ==");
        for (const needed of [
            "hcloud:index/volumeAttachment:VolumeAttachment::mail-data",
            "hcloud:index/rdns:Rdns::mail-ptr-ipv4",
            "hcloud:index/rdns:Rdns::mail-ptr-ipv6",
            "command:local:Command::mail-guard-rest",
        ]) {
            assert.ok(applied.dependsOn.includes(needed), needed);
        }
    });

    it("lets the adapter's operators log in, by the same script", async () => {
        const operatorKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOperator operator@example.net";
        const { mock } = await make({
            args: {
                server: hetzner({
                    sshAllowedCidrs: ["203.0.113.0/24"],
                    authorizedKeys: [operatorKey],
                }),
            },
        });
        const { stdin } = mock.resource("command:remote:Command", "mail-host-apply").inputs;
        assert.match(
            String(stdin),
            new RegExp(
                `^put /etc/ssh/authorized_keys\\.d/root .*\n${operatorKey}\nEND_OF_FILE$`,
                "m",
            ),
        );
    });

    it("sends the first secrets over neither way unless it is told to", async () => {
        const { mock } = await make();
        for (const [type, name, input] of [
            ["hcloud:index/server:Server", "mail-server", "userData"],
            ["command:remote:Command", "mail-host-apply", "stdin"],
        ] as const) {
            const text = String(mock.resource(type, name).inputs[input]);
            assert.ok(!text.includes(password) && !text.includes(cloudflareApiToken), name);
        }
    });

    it("delivers them with user data, and keeps them current over SSH, as secrets", async () => {
        const { mock } = await make({ args: userDataDelivery });
        const without = await make();
        const applied = mock.resource("command:remote:Command", "mail-host-apply");
        assert.ok(String(applied.inputs["stdin"]).includes(password));
        assert.ok(String(applied.inputs["stdin"]).includes(cloudflareApiToken));
        assert.deepEqual(applied.secretInputs, ["connection", "stdin"]);
        const server = mock.resource("hcloud:index/server:Server", "mail-server");
        assert.deepEqual(server.secretInputs, ["userData"]);
        assert.notEqual(
            server.inputs["userData"],
            without.mock.resource("hcloud:index/server:Server", "mail-server").inputs["userData"],
        );
    });

    it("protects by default what outlives the server, and nothing when told so", async () => {
        const protectedNames = async (protect?: boolean) =>
            (await make({ args: { protect } })).mock.resources
                .filter((resource) => resource.protect)
                .map(({ name }) => name)
                .sort();
        const lasting = [
            "mail-data",
            "mail-dkim-default",
            "mail-host-key",
            "mail-ipv4",
            "mail-ipv6",
            "mail-login-key",
            "mail-login-key",
            "mail-stack-keys-helper-encryption",
            "mail-stack-keys-txt-encryption",
        ];
        assert.deepEqual(await protectedNames(), lasting);
        assert.deepEqual(await protectedNames(true), lasting);
        assert.deepEqual(await protectedNames(false), []);
    });

    it("tells address, name, user and what is left to do, and keeps key and password secret", async () => {
        const { mail } = await make();
        const outputs: Record<string, pulumi.Output<unknown>> = {
            ipv4: mail.ipv4,
            ipv6: mail.ipv6,
            hostName: mail.hostName,
            sshPrivateKey: mail.sshPrivateKey,
            sshHostKey: mail.sshHostKey,
            authBasicUsername: mail.authBasicUsername,
            authBasicPassword: mail.authBasicPassword,
            nextSteps: mail.nextSteps,
            sshCommand: mail.sshCommand,
            webUrl: mail.webUrl,
            clientSettings: mail.clientSettings,
        };
        const secret: string[] = [];
        for (const [name, output] of Object.entries(outputs)) {
            if (await pulumi.isSecret(output)) secret.push(name);
        }
        assert.deepEqual(secret, ["sshPrivateKey", "authBasicPassword"]);
        assert.equal(await valueOf(mail.authBasicPassword), password);
        assert.equal(await valueOf(mail.ipv4), "192.0.2.25");
        assert.equal(await valueOf(mail.ipv6), "2001:db8:25::1");
        assert.equal(await valueOf(mail.hostName), "mx.example.com");
        assert.equal(await valueOf(mail.sshHostKey), "ssh-ed25519 bWFpbC1ob3N0LWtleQ==");
        assert.equal(await valueOf(mail.authBasicUsername), "admin");
        assert.equal(await valueOf(mail.webUrl), "https://example.com");
        assert.deepEqual(await valueOf(mail.clientSettings), [
            { protocol: "imap", host: "mx.example.com", port: 993 },
            { protocol: "pop3", host: "mx.example.com", port: 995 },
            { protocol: "smtp", host: "mx.example.com", port: 465 },
        ]);
        assert.deepEqual(await valueOf(mail.nextSteps), [
            "Ask Hetzner to open the outbound ports 25 and 465, or no mail leaves: https://docs.hetzner.com/cloud/servers/faq/#why-can-i-not-send-any-mails-from-my-server",
            "Open https://example.com and register the first user, who becomes its administrator. Until then the site asks for the outputs authBasicUsername and authBasicPassword: pulumi stack output authBasicPassword --show-secrets",
            "Give what only the host's web site can tell of example.com: the output missingDomainValues says what and how. No mail of a domain is sent before.",
        ]);
        assert.equal(
            await valueOf(mail.sshCommand),
            "mkdir -p ~/.ssh && (umask 077 && pulumi stack output sshPrivateKey --show-secrets > ~/.ssh/mx.example.com)" +
                " && echo 'mx.example.com ssh-ed25519 bWFpbC1ob3N0LWtleQ==' > ~/.ssh/mx.example.com.known_hosts" +
                " && ssh -p 22 -i ~/.ssh/mx.example.com -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes" +
                " -o UserKnownHostsFile=~/.ssh/mx.example.com.known_hosts -o HostKeyAlias=mx.example.com root@192.0.2.25",
        );
    });

    it("knows at preview what depends on nothing made", async () => {
        const { mail } = await make({ preview: true });
        assert.equal(await valueOf(mail.hostName), "mx.example.com");
        await assert.rejects(valueOf(mail.ipv4), /the output is unknown/);
    });

    it("treats an argument that is undefined as one that is left out", async () => {
        const { mail } = await make({
            args: {
                authBasicUsername: undefined,
                rebootTime: undefined,
                secretDelivery: undefined,
            },
        });
        assert.equal(await valueOf(mail.authBasicUsername), "admin");
    });

    it("refuses everything that is wrong at once, before it registers anything", async () => {
        const mock = await RecordingMock.start();
        assert.throws(
            () =>
                new MailHost("mail", {
                    domain: "Example.com",
                    email: "you",
                    server: hetzner({ sshAllowedCidrs: ["203.0.113.7"], volumeSizeGb: 5 }),
                    dns: cloudflare({ apiToken: "short", adopt: ["MX"] }),
                    domains: [{ name: "example.org", spf: { includes: ["-"] } }],
                    systemDkim: { selectors: [] },
                    certificate: {
                        authority: "https://ca.example.net",
                        propagationSeconds: 901,
                    },
                    authBasicUsername: "a:b",
                    rebootTime: "4:30",
                    secretDelivery: "user-data",
                    stack: { images: { ...images, redis: "redis" }, memory: { mongdb: 512 } },
                    helperEncryptionKey: "wrong",
                }),
            (error: unknown) => {
                assert.ok(error instanceof pulumi.InputPropertiesError);
                assert.deepEqual(
                    error.errors?.map(({ propertyPath }) => propertyPath),
                    [
                        "domain",
                        "email",
                        "domains[0].spf.includes[0]",
                        "systemDkim.selectors",
                        "certificate.issuer",
                        "authBasicUsername",
                        "rebootTime",
                        "certificate.cloudflareApiToken",
                        "certificate.propagationSeconds",
                        "stack.images.redis",
                        "stack.memory.mongdb",
                        "helperEncryptionKey",
                        "server.sshAllowedCidrs[0]",
                        "server.volumeSizeGb",
                        "dns.apiToken",
                        "dns.adopt[0]",
                    ],
                );
                assert.match(
                    error.message,
                    /^mail: 16 problems, nothing was changed:\n {2}domain: "Example\.com" is not/,
                );
                return true;
            },
        );
        await pulumi.runtime.disconnect();
        assert.deepEqual(mock.resources, []);
    });
});
