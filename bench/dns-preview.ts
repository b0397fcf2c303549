// A preview of the records of 1, 10 and 200 mail domains against a flat program that declares the same resources and
// look-ups by hand, both on an empty stack of the real engine with the simulated Cloudflare: `npm run bench -- dns-preview`.
import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { cloudflare as cloudflareDns } from "../components";
import { cloudflareRecordArgs } from "../components/dns/cloudflare-record";
import { stackComment } from "../components/dns/cloudflare-zone";
import { planDnsRecords } from "../components/dns/plan";
import { phases, recordKey, type DnsPlan } from "../components/dns/record";
import { CloudflareAccount, cloudflareToken } from "../test/engine/support/cloudflare-account";
import { SimulatedStack, type Program } from "../test/engine/support/simulated-stack";
import { describedHost, valuesFor } from "./described-host";
import { figure, table, type Figure } from "./figures";

const name = "mail-dns";
/** Mail domains → how often each program is previewed, in turns. */
const runs = new Map([
    [1, 41],
    [10, 9],
    [200, 3],
]);

interface Result {
    domains: number;
    resources: number;
    /** Seconds. */
    components: Figure;
    flat: Figure;
    /** Of each two previews that stood side by side: what else the computer does hardly differs between them. */
    ratio: Figure;
    /** Share of the preview that the planner takes. */
    plannerShare: number;
}

/** What a user writes: the description is planned and published by the components. */
function withComponents(domains: number): Program {
    return () => {
        const plan = planDnsRecords(describedHost(domains));
        const parent = new pulumi.ComponentResource("mailhost:index:MailHost", "mail");
        const writer = cloudflareDns({ dnssec: true }).open(name, plan, { parent });
        for (const phase of phases) writer.write(phase, valuesFor(plan), { parent });
    };
}

/** The same resources and look-ups, their arguments literal. */
function byHand(domains: number): Program {
    const plan = planDnsRecords(describedHost(domains));
    const values = valuesFor(plan);
    const zones = plan.zones.map((zone) => zone.name);
    const records = plan.records.map((record) => ({
        name: `${name}-${recordKey(record)}`,
        zone: record.zone,
        args: cloudflareRecordArgs(record, { zoneId: "", comment: "", values }),
    }));
    return () => {
        const comment = stackComment();
        const zoneIds = new Map(
            zones.map((zone) => {
                const { zoneId } = cloudflare.getZoneOutput({ filter: { name: zone } });
                cloudflare.getDnsRecordsOutput({ zoneId, maxItems: 1_000_000 });
                new cloudflare.ZoneDnssec(
                    `${name}-dnssec-${zone}`,
                    { zoneId, status: "active" },
                    { retainOnDelete: true },
                );
                return [zone, zoneId];
            }),
        );
        for (const record of records) {
            const zoneId = zoneIds.get(record.zone) ?? "";
            new cloudflare.DnsRecord(record.name, { ...record.args, zoneId, comment });
        }
    };
}

async function addZones(account: CloudflareAccount, { zones }: DnsPlan): Promise<void> {
    const known = new Set(
        (await account.call<{ name: string }[]>("GET", "/zones?per_page=1000")).map(
            (zone) => zone.name,
        ),
    );
    for (const { name: zone } of zones) if (!known.has(zone)) await account.addZone(zone);
}

async function measure(
    stack: SimulatedStack,
    account: CloudflareAccount,
    domains: number,
    times: number,
): Promise<Result> {
    const plan = planDnsRecords(describedHost(domains));
    await addZones(account, plan);
    const programs = { components: withComponents(domains), flat: byHand(domains) };
    const seconds: Record<keyof typeof programs, number[]> = { components: [], flat: [] };
    const created = plan.records.length + plan.zones.length;
    for (let run = 0; run < times; run++) {
        // Whoever comes second finds warmer caches: each is that in turn.
        const order =
            run % 2 === 0 ? (["components", "flat"] as const) : (["flat", "components"] as const);
        for (const kind of order) {
            const begun = performance.now();
            const { create = 0 } = await stack.preview(programs[kind]);
            seconds[kind].push((performance.now() - begun) / 1000);
            // The components themselves are resources as well.
            const own = kind === "components" ? create - (1 + phases.length) : create;
            if (own !== created) throw new Error(`${kind}: ${own} resources, expected ${created}`);
            console.error(`${domains} domains, ${kind}: ${seconds[kind].at(-1)?.toFixed(1)} s`);
        }
    }
    const begun = performance.now();
    planDnsRecords(describedHost(domains));
    const planner = (performance.now() - begun) / 1000;
    const [components, flat] = [figure(seconds.components), figure(seconds.flat)];
    return {
        domains,
        resources: created,
        components,
        flat,
        ratio: figure(seconds.components.map((time, run) => time / (seconds.flat[run] ?? NaN))),
        plannerShare: planner / components.median,
    };
}

async function main(): Promise<void> {
    const account = await CloudflareAccount.open();
    const stack = await SimulatedStack.create({
        "cloudflare:baseUrl": account.baseUrl,
        "cloudflare:apiToken": cloudflareToken,
    });
    const results: Result[] = [];
    try {
        // The first of all loads what the others find in memory.
        await addZones(account, planDnsRecords(describedHost(1)));
        await stack.preview(withComponents(1));
        for (const [domains, times] of runs) {
            results.push(await measure(stack, account, domains, times));
        }
    } finally {
        await stack.remove();
        await account.close();
    }
    if (process.argv.includes("--json")) {
        console.log(JSON.stringify(results, undefined, 2));
        return;
    }
    const spread = ({ median, least, most }: Figure) =>
        `${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
    console.log(
        table(
            ["domains", "resources", "components s", "flat s", "ratio", "s/domain", "planner"],
            results.map((result) => [
                String(result.domains),
                String(result.resources),
                spread(result.components),
                spread(result.flat),
                spread(result.ratio),
                (result.components.median / result.domains).toFixed(3),
                `${(result.plannerShare * 100).toFixed(2)} %`,
            ]),
        ),
    );
}

void main();
