// From the first host of an operator to another provider, back, and to its end, by the commands of the README and of
// docs/moving.md, as they stand there. The steps build on each other.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { Resolver } from "node:dns/promises";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, describe } from "node:test";
import { parseDocument } from "yaml";
import { withoutDigest } from "../../cli/pin-plan";
import { run } from "../../cli/run-program";
import { shellQuote } from "../../components/host/shell-quote";
import { rememberHost } from "../../local/laptop";
import type { Letter } from "../../local/proof/mail-client";
import { addZone } from "../../local/zones";
import { blocksRunBy } from "./support/documented";
import {
    allHealthy,
    allProven,
    isThere,
    mailArrives,
    mailboxAt,
    MailStream,
    outsideOf,
} from "./support/mail-host";
import { checkOutFor, Operator } from "./support/operator";
import { orderedSteps } from "./support/steps";
import { eventually, suiteLimit, TestLaptop } from "./support/test-laptop";

const domain = "example.com";

const blocks = blocksRunBy(__filename);

describe("an operator's host, and its move to another provider", { timeout: suiteLimit }, () => {
    const step = orderedSteps();
    let laptop: TestLaptop;
    let checkout: string;
    let operator: Operator;
    /** What the host has taken, wherever it was. */
    const letters: Letter[] = [];
    let certificate: string;
    /** What stands in `mailhost:server` before the move. */
    let rented: Record<string, unknown>;
    /** The address that the world is told, and the key that its host shows. */
    let first: [address: string, hostKey: unknown];

    before(async () => {
        laptop = await TestLaptop.start("move", { kind: "container" });
        await addZone(laptop.info, domain);
        checkout = await checkOutFor(laptop, { packages: false });
        await withoutStack();
        operator = new Operator({
            blocks,
            folder: checkout,
            environment: { ...laptop.stack.environment, npm_config_prefer_offline: "true" },
            sshFolder: path.join(laptop.folder, "operator", "ssh"),
            examples: {
                "init prod": "init local",
                "select prod": "select local",
                "--stack prod": "--stack local",
                // Its files belong below the home of whoever types it.
                "pulumi login --local": "HOME=$PWD pulumi login --local",
                "203.0.113.7/32": "198.18.0.0/15",
                "v1.2.3": "v1.0.0",
            },
            answers: {
                "hcloud:token": laptop.info.hcloudToken,
                "cloudflare:apiToken": laptop.info.cloudflareToken,
            },
            variables: ["old", "new"],
        });
    });
    after(() => laptop?.close());

    /** No stack yet; of its file what the checkout has for prod, and where the providers are in the laptop cloud. */
    async function withoutStack(): Promise<void> {
        const { code, stderr } = await laptop.stack.pulumi([
            ...["stack", "rm", "local", "--yes", "--preserve-config"],
        ]);
        assert.equal(code, 0, stderr);
        const own = laptop.stack.document();
        const prod = parseDocument(
            fs.readFileSync(path.join(checkout, "Pulumi.prod.yaml"), "utf8"),
        );
        for (const keys of [
            ...[["hcloud:endpoint"], ["cloudflare:baseUrl"], ["mailhost:certificate"]],
            ...[
                ["mailhost:server", "type"],
                ["mailhost:server", "volumeSizeGb"],
            ],
        ]) {
            prod.setIn(["config", ...keys], own.getIn(["config", ...keys]));
        }
        prod.setIn(
            ["config", "mailhost:stack", "images"],
            Object.fromEntries(
                Object.entries(laptop.info.images).map(([name, image]) => [
                    name,
                    withoutDigest(image),
                ]),
            ),
        );
        fs.writeFileSync(path.join(checkout, "Pulumi.local.yaml"), prod.toString());
    }

    async function published(): Promise<string> {
        const { dns } = await laptop.status();
        assert.ok(dns);
        const resolver = new Resolver();
        resolver.setServers([`${dns.host}:${dns.port}`]);
        return (await resolver.resolve4(`mx.${domain}`)).join();
    }

    /** Runs a command on one of the two hosts by what the page has written down of them. */
    const onHost = (which: "old" | "new", command: string) =>
        run("bash", ["-c", `. ./hosts.sh && $${which} ${shellQuote(command)}`], { cwd: checkout });

    const data = "/root/forwardemail.net/self-hosting";

    /** Every file of the data with its owner, mode and size. What was set aside is none of it. */
    const filesOf = (which: "old" | "new") =>
        onHost(
            which,
            `cd ${data} && find . -mindepth 1 ! -path './before.*' ! -path ./lost+found ` +
                `-printf '%p %y %U:%G %m %l' \\( -type f -printf ' %s' -o -true \\) -printf '\\n' | sort`,
        );

    async function everyLetterIsThere(): Promise<void> {
        const outside = await outsideOf(laptop);
        for (const [index, letter] of letters.entries())
            assert.ok(
                await isThere(outside, mailboxAt(laptop), letter, { newest: 500 }),
                `letter ${index}`,
            );
    }

    async function servedCertificate(): Promise<string> {
        const outside = await outsideOf(laptop);
        const socket = await outside.connect(443, domain);
        const { serialNumber } = new X509Certificate(socket.getPeerCertificate().raw);
        socket.destroy();
        return serialNumber;
    }

    step("README: a rented host, and what it says of itself", async () => {
        await operator.follow("README.md", "npm ci");
        await rememberHost(laptop.name, await laptop.stack.outputs());
        const printed = await operator.follow("README.md", "pulumi stack output nextSteps");
        assert.match(printed, /https:\/\/example\.com/);
        assert.match(printed, /^ +@ +MX +300 /m);
        assert.match(printed, /-o HostKeyAlias=mx\.example\.com root@198\.18\./);
    });

    step("DNS: its zone is signed", async () => {
        const printed = await operator.follow(
            "docs/dns.md",
            "pulumi config set --path mailhost:dns.dnssec true",
        );
        assert.match(printed, /example\.com.*\bDS\b/);
    });

    step("mail comes in and goes out", async () => {
        await allProven(laptop);
        letters.push(await mailArrives(laptop));
        certificate = await servedCertificate();
    });

    step("the second server is set up beside it, while the first serves", async () => {
        await operator.follow(
            "docs/moving.md",
            "(umask 077 && pulumi stack output sshPrivateKey --show-secrets >old-host.key)",
        );
        rented = await laptop.server();
        const { sshAllowedCidrs, volumeSizeGb } = rented;
        await laptop.configure("mailhost:server", {
            ...{ provider: "digitalocean", size: "s-2vcpu-4gb", region: "fra1" },
            ...{ sshAllowedCidrs, volumeSizeGb },
        });
        // The token for the second provider, and where it is.
        await laptop.stack.prepare({});
        first = [await published(), (await laptop.stack.outputs())["sshHostKey"]];
        const stream = new MailStream(await outsideOf(laptop), mailboxAt(laptop));
        const printed = await operator
            .follow(
                "docs/moving.md",
                "pulumi config set --path mailhost:server.provider digitalocean",
            )
            .finally(() => stream.stop());
        assert.deepEqual([...stream.failures], []);
        assert.ok(stream.accepted.length > 5, String(stream.accepted.length));
        assert.doesNotMatch(printed, /dnsRecord/i);
        assert.equal(await published(), first[0]);
    });

    const copy = () =>
        operator.follow(
            "docs/moving.md",
            "$old 'systemctl disable --now mailhost-stack.service mailhost-renew.timer &&",
        );

    step("the data is copied, and the old host may serve on after all", async () => {
        await copy();
        assert.equal(await onHost("old", "docker ps --quiet"), "");
        await operator.type(
            "$old systemctl enable --now mailhost-stack.service mailhost-renew.timer",
        );
        await eventually(() => allHealthy(laptop), 240, "everything is healthy");
        letters.push(await mailArrives(laptop));
    });

    step("the data is copied again, and all else follows", async () => {
        await onHost("new", `touch ${data}/sqlite-data/stale.sqlite-wal`);
        await copy();
        assert.equal(await onHost("old", "docker ps --quiet"), "");
        assert.equal(await filesOf("new"), await filesOf("old"));
        const printed = await operator.follow("docs/moving.md", "pulumi up");
        assert.doesNotMatch(printed, /: asking https/);
        await rememberHost(laptop.name, await laptop.stack.outputs());
        assert.notEqual(await published(), first[0]);
        assert.equal(await published(), (await laptop.status()).published.ipv4);
        assert.equal((await laptop.status()).provider, "digitalocean");
    });

    step("old mail is read, and all is proven of the new host", async () => {
        assert.ok(await allHealthy(laptop));
        await everyLetterIsThere();
        assert.equal(await servedCertificate(), certificate);
        await allProven(laptop);
    });

    step(
        "another `up` has nothing to do, and the old server stays at its provider with its volume",
        async () => {
            const { changes } = await laptop.up("--expect-no-changes");
            assert.deepEqual(Object.keys(changes), ["unchanged"]);
            const { servers } = await laptop.api<{ servers: unknown[] }>("GET", "/servers");
            const { volumes } = await laptop.api<{
                volumes: { protection: { delete: boolean } }[];
            }>("GET", "/volumes");
            assert.deepEqual(
                [servers.length, volumes.map(({ protection }) => protection.delete)],
                [1, [true]],
            );
            letters.push(await mailArrives(laptop));
        },
    );

    step("back: the data with what has come in since", async () => {
        // As the journal of a database that the new host has no more.
        await onHost("old", `touch ${data}/sqlite-data/stale.sqlite-wal`);
        await operator.follow("docs/moving.md", ". ./hosts.sh");
        assert.equal(await onHost("new", "docker ps --quiet"), "");
        assert.equal(await filesOf("old"), await filesOf("new"));
        assert.equal(
            await onHost("old", `cd ${data}/before.* && find . -name 'stale.*'`),
            "./sqlite-data/stale.sqlite-wal\n",
        );
    });

    step("back: the names lead to the old host, and no server is made or deleted", async () => {
        await laptop.configure("mailhost:server", rented);
        const before = laptop.requestLog().length;
        await operator.follow("docs/moving.md", "pulumi stack init new --no-select");
        const writes = laptop
            .requestLog()
            .slice(before)
            .filter(({ method, path: at }) => method !== "GET" && !at.startsWith("/_laptop/"));
        assert.deepEqual(writes, []);
        await rememberHost(laptop.name, await laptop.stack.outputs());
        assert.deepEqual([await published(), (await laptop.stack.outputs())["sshHostKey"]], first);
        assert.equal((await laptop.status()).provider, "hetzner");
    });

    step("back: mail of every time is read, and all is proven of the old host", async () => {
        assert.ok(await allHealthy(laptop));
        await everyLetterIsThere();
        assert.equal(await servedCertificate(), certificate);
        await allProven(laptop);
        assert.equal(
            await laptop.ssh("systemctl is-enabled mailhost-stack.service mailhost-renew.timer"),
            "enabled\nenabled",
        );
        const { changes } = await laptop.up("--expect-no-changes");
        assert.deepEqual(Object.keys(changes), ["unchanged"]);
    });

    step("README, pipelines: what mends a stack has nothing to do", async () => {
        await operator.type("pulumi login --local");
        await operator.type("pulumi cancel --stack prod");
        assert.match(
            await operator.type("npm run mailhost -- recover --stack prod"),
            /nothing had to be recovered/,
        );
    });

    step("the state of the servers that were set aside is forgotten", async () => {
        await operator.type("pulumi stack rm --force new");
        await operator.follow("docs/moving.md", "pulumi stack rm --force old");
        const { stdout } = await laptop.stack.pulumi(["stack", "ls", "--json"]);
        assert.deepEqual(
            (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name.split("/").at(-1)),
            ["local"],
        );
        assert.equal(await laptop.ssh(`find ${data} -maxdepth 1 -name 'before.*'`), "");
    });

    step("README: everything is given up", async () => {
        await operator.follow("README.md", "pulumi config set mailhost:protect false");
        for (const collection of ["servers", "volumes", "primary_ips"]) {
            assert.deepEqual(
                (await laptop.api("GET", `/${collection}`))[collection],
                [],
                collection,
            );
        }
        // The new one's end is in its provider's panel.
        const { droplets } = await laptop.api<{ droplets: unknown[] }>("GET", "/v2/droplets");
        assert.equal(droplets.length, 1);
    });
});
