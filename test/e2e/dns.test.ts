// The records of two mail domains from `up` to the wire: every one of them is asked of the real DNS server and compared
// with the plan; Cloudflare's API fails half-way. The steps build on each other.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe } from "node:test";
import { readRecords, type Records } from "../../cli/dns";
import { run, runQuietly } from "../../cli/run-program";
import { absoluteName, presentation, resolveRecord } from "../../components/dns/presentation";
import type { PlannedRecord } from "../../components/dns/record";
import { startCloud, stopCloud } from "../../local/cloud/start";
import { onLocalStack } from "../../local/commands/pulumi";
import { localDomain, secondDomain, snapshot } from "../../local/laptop";
import { cloudPaths } from "../../local/paths";
import { retryPauseVariable } from "../../local/providers/cloudflare/client";
import { orderedSteps } from "./support/steps";
import { suiteLimit, TestLaptop } from "./support/test-laptop";

const zones = [localDomain, secondDomain];
const host = `mx.${localDomain}`;
/** What the server adds to a zone by itself. */
const ownTypes = ["SOA", "NS", "DNSKEY", "RRSIG", "NSEC"];

/** One spelling of a record: how strings are quoted and hexadecimal digits are grouped is left to each printer. */
function canonical(name: string, ttl: number | string, type: string, rdata: string): string {
    const text = ["TLSA", "SSHFP"].includes(type)
        ? rdata.toLowerCase().replace(/(?<=[0-9a-f]{8}) (?=[0-9a-f])/g, "")
        : rdata.replaceAll('" "', "").replaceAll('"', "");
    return `${name.toLowerCase()} ${ttl} ${type} ${text}`;
}

/** Records as `dig` and `knotc` print them. */
function parse(printed: string): string[] {
    return printed
        .split("\n")
        .map((line) =>
            line
                .replace(/^\[\S+\] /, "")
                .trim()
                .split(/\s+/),
        )
        .filter(([name]) => name !== undefined && name !== "" && !name.startsWith(";"))
        .map((fields) => fields.filter((field, n) => !(n === 2 && field === "IN")))
        .map(([name = "", ttl = "", type = "", ...rdata]) =>
            canonical(name, ttl, type, rdata.join(" ")),
        );
}

describe("the DNS records of a host", { timeout: suiteLimit }, () => {
    const step = orderedSteps();
    let laptop: TestLaptop;

    before(async () => {
        process.env[retryPauseVariable] = "10";
        laptop = await TestLaptop.start("dns", { kind: "container", image: snapshot });
    });
    after(() => laptop.close());

    const output = () => readRecords(onLocalStack(laptop.stack));
    const dig = (...question: string[]) => {
        const { host: at, port } = laptop.info.dns;
        return run("dig", [`@${at}`, "-p", String(port), "+norec", "+tries=1", ...question]);
    };
    /** Everything that the server holds for a zone but its own records: to strangers it gives no list. */
    const served = async (zone: string): Promise<string[]> => {
        const printed = await run(
            "knotc",
            ["--socket", "/proc/self/cwd/control.sock", "zone-read", zone],
            { cwd: cloudPaths(laptop.name).dns },
        );
        return parse(printed)
            .filter((record) => !ownTypes.includes(record.split(" ")[2] ?? ""))
            .sort();
    };
    /** The records of the plan, which are all published once `up` is over. */
    const published = ({ plan, values }: Records): PlannedRecord<string>[] =>
        plan.records.map((record) => {
            const resolved = resolveRecord(record, values);
            assert.ok(resolved, `${record.name} ${record.data.type} has an unknown value`);
            return resolved;
        });
    const asServed = ({ name, ttl, data }: PlannedRecord<string>) =>
        canonical(absoluteName(name), ttl, data.type, presentation(data));
    const checkServed = async () => {
        const records = published(await output());
        for (const zone of zones) {
            const wanted = records.filter((record) => record.zone === zone).map(asServed);
            assert.deepEqual(await served(zone), wanted.sort());
        }
    };
    const fault = (method: string, status: number) =>
        laptop.api("POST", "/_laptop/faults", {
            ...{ method, path: "^/client/v4/zones/[^/]+/dns_records", kind: "status", status },
            ...{ after: 10, times: 1000 },
        });
    const clearFaults = () => laptop.api("DELETE", "/_laptop/faults");

    step("an API that refuses half-way fails `up`, and the next one completes it", async () => {
        await fault("POST", 429);
        const { code, stdout, stderr } = await laptop.pulumi("up", "--yes", "--skip-preview");
        assert.notEqual(code, 0, stdout);
        assert.match(stdout + stderr, /429/);
        const left = (await Promise.all(zones.map(served))).flat();
        assert.ok(left.length > 0 && left.length <= 10, left.join("\n"));
        await clearFaults();
        await laptop.up();
        await checkServed();
    });

    step("`dig` gets every record of the plan, over UDP and TCP", async (t) => {
        const wanted = new Map<string, string[]>();
        const records = published(await output());
        for (const record of records) {
            const question = `${record.name} ${record.data.type}`;
            wanted.set(question, [...(wanted.get(question) ?? []), asServed(record)]);
        }
        for (const [question, answers] of wanted) {
            for (const transport of ["+notcp", "+tcp"]) {
                const got = parse(
                    await dig("+noall", "+answer", transport, ...question.split(" ")),
                );
                assert.deepEqual(got.sort(), answers.sort(), question);
            }
        }
        const kinds = new Set(records.map(({ data }) => data.type));
        t.diagnostic(`${records.length} records: ${[...kinds].sort().join(" ")}`);
    });

    step("both addresses point back at the host", async () => {
        const { published: addresses } = await laptop.status();
        for (const address of [addresses.ipv4, addresses.ipv6]) {
            assert.ok(address);
            assert.equal(await dig("+short", "-x", address), `${host}.\n`);
            const type = address.includes(":") ? "AAAA" : "A";
            assert.equal(await dig("+short", host, type), `${address}\n`);
        }
    });

    step("status says where to ask", async () => {
        const status = await laptop.status();
        assert.deepEqual(status.dns, laptop.info.dns);
        assert.equal(status.cloudflareApi, laptop.info.cloudflareApi);
        assert.deepEqual(status.domains, zones);
    });

    step("a second `up` and a refresh find nothing to change, and write nothing", async () => {
        const serials = () => Promise.all(zones.map((zone) => dig("+short", zone, "SOA")));
        const beforehand = await serials();
        const { changes } = await laptop.up("--expect-no-changes");
        assert.deepEqual(Object.keys(changes), ["unchanged"]);
        const refreshed = await laptop.pulumi("refresh", "--yes", "--expect-no-changes");
        assert.equal(refreshed.code, 0, refreshed.stdout + refreshed.stderr);
        await laptop.up("--expect-no-changes");
        assert.deepEqual(await serials(), beforehand);
    });

    step("what is in a signed zone is validated from its DS record", async () => {
        const ds = (await laptop.stack.outputs())["dnssec"] as Record<string, string>;
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dns-anchors-"));
        try {
            for (const [zone, name, type] of [
                [localDomain, host, "A"],
                [localDomain, host, "SSHFP"],
                [localDomain, localDomain, "CAA"],
                [secondDomain, secondDomain, "TXT"],
                [secondDomain, `fe-bounces.${secondDomain}`, "CNAME"],
            ] as const) {
                const [tag, algorithm, digestType, digest] = (ds[zone] ?? "")
                    .split(/\s+/)
                    .slice(-4);
                const anchors = path.join(folder, "anchors");
                fs.writeFileSync(
                    anchors,
                    `trust-anchors { ${zone}. static-ds ${tag} ${algorithm} ${digestType} "${digest}"; };`,
                );
                const { host: at, port } = laptop.info.dns;
                const { stdout, stderr } = await runQuietly("delv", [
                    ...[`@${at}`, "-p", String(port), "-a", anchors, `+root=${zone}`, name, type],
                ]);
                assert.match(stdout + stderr, /; fully validated/, `${name} ${type} ${ds[zone]}`);
            }
        } finally {
            fs.rmSync(folder, { recursive: true });
        }
    });

    step("the SSHFP record is that of the key that the host shows", async () => {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dns-sshfp-"));
        try {
            const key = path.join(folder, "key.pub");
            fs.writeFileSync(key, await laptop.ssh("cat /etc/ssh/ssh_host_ed25519_key.pub"));
            const printed = await run("ssh-keygen", ["-r", host, "-f", key]);
            const sha256 = printed.split("\n").find((line) => / SSHFP 4 2 /.test(line));
            const [answer] = parse(await dig("+noall", "+answer", host, "SSHFP"));
            assert.equal(
                answer?.split(" ").slice(3).join(" "),
                sha256?.split(" ").slice(3).join(" "),
            );
        } finally {
            fs.rmSync(folder, { recursive: true });
        }
    });

    step("one changed setting changes one record, answered once `up` is over", async () => {
        const name = `_dmarc.${secondDomain}`;
        assert.match(await dig("+short", name, "TXT"), /p=quarantine/);
        await laptop.configure("mailhost:domains", [
            { name: secondDomain, dmarc: { policy: "reject" } },
        ]);
        const { changes } = await laptop.up();
        assert.equal(changes["updated"], 1, JSON.stringify(changes));
        assert.match(await dig("+short", name, "TXT"), /p=reject/);
        await checkServed();
    });

    step("records and keys are there again after the cloud was shut down", async () => {
        const keys = () => dig("+short", localDomain, "DNSKEY");
        const beforehand = await keys();
        await stopCloud(laptop.name);
        await startCloud({ name: laptop.name });
        assert.equal(await keys(), beforehand);
        await checkServed();
        await laptop.waitForSsh();
    });

    step("a destroy that breaks off half-way leaves what `up` completes", async () => {
        await fault("DELETE", 500);
        const broken = await laptop.pulumi("destroy", "--yes", "--skip-preview");
        assert.notEqual(broken.code, 0, broken.stdout);
        await clearFaults();
        await laptop.up();
        await checkServed();
    });

    step("destroy takes every record of ours and leaves the operator's zones", async () => {
        const { code, stdout, stderr } = await laptop.pulumi("destroy", "--yes", "--skip-preview");
        assert.equal(code, 0, stdout + stderr);
        for (const zone of zones) {
            assert.deepEqual(await served(zone), []);
            assert.match(await dig(zone, "SOA"), /status: NOERROR/);
        }
    });
});
