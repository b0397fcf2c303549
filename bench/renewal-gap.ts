// How long no new connection gets through while certificates are renewed, port by port, against what upstream's hook
// does with a new one, `docker compose restart`, on the same host in the same run: `npm run bench -- renewal-gap`.
import * as os from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { dataMountPoint } from "../components/host/data-volume";
import { figure, table, type Figure } from "./figures";
import { longestGap, PortWatch, watchedPorts, type Successes } from "./port-watch";
import { RehearsedHost, withCloud } from "./rehearsed-host";

const times = 3;
const databases = ["mongodb", "redis"];

const works = {
    /** Nothing: what this computer and the watch itself cause. */
    quiet: "sleep 5",
    renewal: "mailhost renew --force",
    "restart of all": `docker compose --project-directory ${dataMountPoint} --file ${dataMountPoint}/docker-compose-self-hosting.yml --env-file /dev/null restart`,
};
type Work = keyof typeof works;
const kinds = Object.keys(works) as Work[];

/** Port → longest gap in seconds. */
type Gaps = Record<number, number>;

async function main(): Promise<void> {
    const gaps: Record<Work, Gaps[]> = { quiet: [], renewal: [], "restart of all": [] };
    const loads: number[] = [];
    await withCloud({ name: "renewal-gap", certificateSeconds: 3600 }, async (info) => {
        const host = await RehearsedHost.prepare(info, { withPackages: true });
        console.error(`the host is up after ${(await host.up()).toFixed(0)} s`);
        for (let run = 0; run < times; run++) {
            for (const kind of kinds) {
                await becomesHealthy(host);
                gaps[kind].push(await watchDuring(host, kind));
                loads.push(os.loadavg()[0] ?? NaN);
                console.error(`${kind}: ${JSON.stringify(gaps[kind].at(-1))} s`);
            }
        }
    });
    report(gaps, figure(loads));
}

async function watchDuring(host: RehearsedHost, kind: Work): Promise<Gaps> {
    const started = await startTimes(host);
    const certificate = await host.ssh(`sha256sum ${dataMountPoint}/ssl/cert.pem`);
    const watch = new PortWatch(await host.outside());
    let successes: ReadonlyMap<number, Successes>;
    try {
        await watch.reachesAll(60);
        await host.ssh(works[kind]);
        await becomesHealthy(host);
        await watch.reachesAll(60);
    } finally {
        successes = await watch.stop();
    }
    const now = await startTimes(host);
    const restarted = [...now].filter(([name, at]) => started.get(name) !== at).map(([n]) => n);
    const renewed = certificate !== (await host.ssh(`sha256sum ${dataMountPoint}/ssl/cert.pem`));
    // What did not do its work would have no gap either.
    if (renewed !== (kind === "renewal")) throw new Error(`${kind}: renewed is ${renewed}.`);
    if (restarted.some((name) => databases.includes(name)) !== (kind === "restart of all")) {
        throw new Error(`${kind}: restarted ${restarted.join(", ")}.`);
    }
    return Object.fromEntries(
        [...successes].map(([port, moments]) => [port, Math.round(longestGap(moments)) / 1000]),
    );
}

/** Container → when it was started. */
async function startTimes(host: RehearsedHost): Promise<Map<string, string>> {
    const format = "'{{.Name}} {{.State.StartedAt}}'";
    const printed = await host.ssh(`docker ps -aq | xargs docker inspect -f ${format}`);
    const lines = printed.trim().split("\n");
    return new Map(lines.map((line) => line.slice(1).split(" ") as [string, string]));
}

/** Waits until no container is anything but healthy, or running where it has no check. */
async function becomesHealthy(host: RehearsedHost): Promise<void> {
    const ill =
        "docker ps -a --format '{{.Names}} {{.Status}}' | grep -E '(starting|unhealthy)|Exited|Restarting|Created' || true";
    for (let waited = 0; waited < 180; waited += 2) {
        if ((await host.ssh(ill)) === "") return;
        await sleep(2000);
    }
    throw new Error(`Not healthy after three minutes:\n${await host.ssh(ill)}`);
}

function report(gaps: Record<Work, Gaps[]>, load: Figure): void {
    const of = (kind: Work, port: number) => figure(gaps[kind].map((all) => all[port] ?? NaN));
    const longest = (kind: Work) =>
        figure(gaps[kind].map((all) => Math.max(...Object.values(all))));
    const ratio = (pick: (all: Gaps) => number) =>
        figure(gaps.renewal.map((all, run) => pick(all) / pick(gaps["restart of all"][run] ?? {})));
    const rows = [
        ...watchedPorts.map((port) => ({
            name: String(port),
            of: (kind: Work) => of(kind, port),
            ratio: ratio((all) => all[port] ?? NaN),
        })),
        {
            name: "longest",
            of: longest,
            ratio: ratio((all) => Math.max(...Object.values(all))),
        },
    ];
    if (process.argv.includes("--json")) {
        console.log(JSON.stringify({ gaps, longest: longest("renewal"), load }, undefined, 2));
        return;
    }
    const spread = ({ median, least, most }: Figure) =>
        `${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
    console.log(`Seconds without a new connection, medians of ${times}; goal of a renewal: 2`);
    console.log(
        table(
            ["port", ...kinds, "renewal / restart"],
            rows.map((row) => [
                row.name,
                ...kinds.map((kind) => spread(row.of(kind))),
                spread(row.ratio),
            ]),
        ),
    );
    console.log(`load of this computer: ${spread(load)}`);
}

void main();
