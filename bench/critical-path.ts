// A first `up` of a whole mail host against the longest chain of its own steps, which no engine could beat, and the
// logins to the host that it takes: `npm run bench -- critical-path`. The machine boots from the stock image.
import * as os from "node:os";
import { setStackSetting } from "../local/proof/stack-setting";
import { EngineEvents, type StepTime } from "./engine-events";
import { figure, table, type Figure } from "./figures";
import { longestChain, waitsFor, type ChainStep } from "./longest-chain";
import { RehearsedHost, withCloud } from "./rehearsed-host";

const mostRuns = 3;
/** No further run begins after it. */
const enoughSeconds = 240;

interface ChainLink extends StepTime {
    name: string;
    /** Seconds that nothing of the chain was worked on before it. */
    waited: number;
}

interface Run {
    /** Of the first `up`, as all seconds here. */
    seconds: number;
    /** Until its first step: the start of the engine, of its plugins and of the program. */
    startSeconds: number;
    chain: ChainLink[];
    chainSeconds: number;
    /** Of all steps, as if one came after the other. */
    sumSeconds: number;
    logins: number;
    /** Seconds and logins of an `up` that changes one variable of one service. */
    change: { seconds: number; logins: number };
    /** Of this computer over the last minute, when the first `up` was done. */
    load: number;
}

async function measure(host: RehearsedHost): Promise<Run> {
    const log = host.file("events.log");
    const events = new EngineEvents(log);
    const seconds = await host.up("--event-log", log).finally(() => events.close());
    const load = os.loadavg()[0] ?? NaN;
    const logins = await host.logins();

    const key = "mailhost:stack";
    const changed = { ...(host.stack.setting(key) as object), environment: oneVariable };
    await setStackSetting(host.stack, key, changed);
    const changeSeconds = await host.up();
    const change = { seconds: changeSeconds, logins: (await host.logins()) - logins - 1 };

    const steps = new Map<string, ChainStep>();
    const begun: number[] = [];
    for (const resource of await host.resources()) {
        const time = events.steps.get(resource.urn);
        // A component is done when all of its children are; its own making takes no time.
        const own = resource["custom"] === true && time ? time.ended - time.begun : 0;
        steps.set(resource.urn, { seconds: own, after: waitsFor(resource) });
        if (own > 0 && time && !resource.type.startsWith("pulumi:")) begun.push(time.begun);
    }
    const chain = longestChain(steps).flatMap((urn) => {
        const time = events.steps.get(urn);
        return (steps.get(urn)?.seconds ?? 0) > 0 && time ? [{ urn, ...time }] : [];
    });
    return {
        ...{ seconds, logins, change, load },
        startSeconds: Math.min(...begun),
        chain: chain.map(({ urn, begun, ended }, i) => ({
            ...{ name: shortName(urn), begun, ended },
            waited: begun - (chain[i - 1]?.ended ?? 0),
        })),
        chainSeconds: chain.reduce((sum, { begun, ended }) => sum + ended - begun, 0),
        sumSeconds: [...steps.values()].reduce((sum, step) => sum + step.seconds, 0),
    };
}

/** `command:remote:Command mail-host-apply` */
function shortName(urn: string): string {
    const [type = "", name = ""] = urn.split("::").slice(-2);
    return `${type.slice(type.lastIndexOf("$") + 1)} ${name}`;
}

/** Read by the service `web` alone. */
const oneVariable = { AUTH_BASIC_ALWAYS: true };

async function main(): Promise<void> {
    const runs: Run[] = [];
    const begun = performance.now();
    while (runs.length < mostRuns && performance.now() - begun < enoughSeconds * 1000) {
        const run = await withCloud({ name: "critical-path" }, async (info) => {
            const host = await RehearsedHost.prepare(info, { withPackages: false });
            // Leaves the compiled program behind, as an operator's preview does.
            if (runs.length === 0) await host.preview();
            return measure(host);
        });
        runs.push(run);
        console.error(
            `run ${runs.length}: up ${run.seconds.toFixed(1)} s, chain ${run.chainSeconds.toFixed(1)} s, load ${run.load.toFixed(1)}`,
        );
    }
    const over = (of: (run: Run) => number): Figure => figure(runs.map(of));
    const result = {
        up: over(({ seconds }) => seconds),
        chain: over(({ chainSeconds }) => chainSeconds),
        start: over(({ startSeconds }) => startSeconds),
        toChain: over(({ seconds, chainSeconds }) => seconds / chainSeconds),
        afterStartToChain: over((run) => (run.seconds - run.startSeconds) / run.chainSeconds),
        toSum: over(({ seconds, sumSeconds }) => seconds / sumSeconds),
        logins: over(({ logins }) => logins),
        changeSeconds: over(({ change }) => change.seconds),
        changeLogins: over(({ change }) => change.logins),
        load: over(({ load }) => load),
    };
    if (process.argv.includes("--json")) {
        console.log(JSON.stringify({ ...result, runs }, undefined, 2));
        return;
    }
    const row = (name: string, { median, least, most }: Figure, digits: number, goal = "") => [
        ...[name, median.toFixed(digits), `${least.toFixed(digits)} to ${most.toFixed(digits)}`],
        goal,
    ];
    const middle = [...runs].sort((a, b) => a.seconds - b.seconds)[Math.floor(runs.length / 2)];
    console.log(`The longest chain, of the run of ${middle?.seconds.toFixed(1)} s:`);
    console.log(
        table(
            ["begun at s", "idle before s", "takes s", "step"],
            (middle?.chain ?? []).map(({ name, begun, ended, waited }) => [
                ...[begun, waited, ended - begun].map((seconds) => seconds.toFixed(1)),
                name,
            ]),
        ),
    );
    console.log(
        `\n${table(
            ["", "median", `of ${runs.length}`, "goal"],
            [
                row("first up, s", result.up, 1),
                row("of that before its first step, s", result.start, 1),
                row("its longest chain, s", result.chain, 1),
                row("up / longest chain", result.toChain, 2, "1.15"),
                row("up from its first step on / longest chain", result.afterStartToChain, 2),
                row("up / sum of all steps", result.toSum, 2),
                row("logins of the first up", result.logins, 0, "8"),
                row("one variable changed, s", result.changeSeconds, 1),
                row("logins of that up", result.changeLogins, 0, "2"),
                row("load of this computer", result.load, 1),
            ],
        )}`,
    );
}

void main();
