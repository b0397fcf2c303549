// How long the planner alone takes, and what memory: `npm run bench -- dns-planner`.
import { spawnSync } from "node:child_process";
import { planDnsRecords } from "../components/dns/plan";
import { describedHost } from "./described-host";
import { figure, table, type Figure } from "./figures";

const sizes = [1, 10, 200, 1000, 2000];
const child = "--measure";

interface Measured {
    domains: number;
    records: number;
    milliseconds: Figure;
    /** The first plan in a fresh process, as every preview makes it. */
    firstMilliseconds: number;
    /** What the finished plan holds of the heap. */
    heapBytes: number;
    /** How much the process grew from before the plan to after it. */
    residentBytes: number;
}

/** In a process of its own, so that one size's garbage is not another's. */
function measure(domains: number): Measured {
    const args = describedHost(domains);
    globalThis.gc?.();
    const before = process.memoryUsage();
    const start = performance.now();
    const plan = planDnsRecords(args);
    const firstMilliseconds = performance.now() - start;
    const resident = process.memoryUsage().rss;
    globalThis.gc?.();
    const heapBytes = process.memoryUsage().heapUsed - before.heapUsed;
    const runs: number[] = [];
    const end = performance.now() + 2000;
    while (runs.length < 5 || (performance.now() < end && runs.length < 200)) {
        const begun = performance.now();
        planDnsRecords(args);
        runs.push(performance.now() - begun);
    }
    return {
        domains,
        records: plan.records.length,
        milliseconds: figure(runs),
        firstMilliseconds,
        heapBytes,
        residentBytes: resident - before.rss,
    };
}

if (process.argv.includes(child)) {
    const measured = measure(Number(process.argv[process.argv.indexOf(child) + 1]));
    process.stdout.write(JSON.stringify(measured));
} else {
    const results = sizes.map((size) => {
        const args = ["--expose-gc", "--import", "tsx", __filename, child, String(size)];
        const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
        if (status !== 0) throw new Error(stderr);
        return JSON.parse(stdout) as Measured;
    });
    if (process.argv.includes("--json")) {
        console.log(JSON.stringify(results, undefined, 2));
    } else {
        const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
        console.log(
            table(
                [
                    "domains",
                    "records",
                    "ms",
                    "least",
                    "most",
                    "first ms",
                    "ms/domain",
                    "heap MiB",
                    "RSS +MiB",
                ],
                results.map((result) => [
                    String(result.domains),
                    String(result.records),
                    result.milliseconds.median.toFixed(1),
                    result.milliseconds.least.toFixed(1),
                    result.milliseconds.most.toFixed(1),
                    result.firstMilliseconds.toFixed(1),
                    (result.milliseconds.median / result.domains).toFixed(3),
                    mebibytes(result.heapBytes),
                    mebibytes(result.residentBytes),
                ]),
            ),
        );
    }
}
