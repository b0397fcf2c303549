import { nearestName } from "../names";
import type { Problem } from "../problem";

/** What of the host's memory a service may use. A limit is no reservation: together they may exceed what there is. */
interface MemoryShare {
    /** Of the host's memory. */
    share: number;
    /** MiB below which the service does not run well, whatever the host has. */
    leastMb: number;
}

/** The argument that the host's memory follows from. */
export interface MemoryArgument {
    /** Its path, e.g. `server.type`. */
    path: string;
    value: string;
    /** The least value with so many MiB; undefined where there is none. */
    atLeast: (memoryMb: number) => string | undefined;
}

/** What is known of the host's memory. */
export interface HostMemory {
    /** In MiB. */
    memoryMb?: number;
    memoryFrom?: MemoryArgument;
}

const node = (share: number): MemoryShare => ({ share, leastMb: 384 });

/**
 * The databases get what they need to keep their working set, the services that hold whole messages and mailboxes more
 * than those that only answer.
 */
const shares: Readonly<Record<string, MemoryShare>> = {
    mongodb: { share: 0.25, leastMb: 512 },
    redis: { share: 0.08, leastMb: 128 },
    "sni-router": { share: 0.03, leastMb: 128 },
    web: node(0.2),
    api: node(0.2),
    bree: node(0.2),
    smtp: node(0.2),
    smtp_starttls: node(0.2),
    smtp_bree: node(0.2),
    mx: node(0.25),
    imap: node(0.25),
    pop3: node(0.15),
    sqlite: node(0.25),
    sqlite_bree: node(0.25),
    caldav: node(0.15),
    carddav: node(0.15),
};

/** Below this the stack does not run; its authors ask for as much. */
const leastHostMb = 2048;
/** What the authors of the stack advise. */
const advisedHostMb = 4096;
/** What the databases may take together; the rest is for a dozen services. */
const largestDatabaseShare = 0.6;

/** The least that a limit may be, in MiB: smaller ones end the process as it starts. */
const leastLimitMb: Readonly<Record<string, number>> = {
    mongodb: 512,
    redis: 64,
    "sni-router": 32,
};
const leastNodeLimitMb = 192;

/** MiB that a service may use; undefined where the host's memory is not known and nothing is given. */
export function memoryLimitMb(
    service: string,
    memoryMb: number | undefined,
    given: number | undefined,
): number | undefined {
    if (given !== undefined) return given;
    const known = shares[service];
    if (memoryMb === undefined || known === undefined) return undefined;
    return Math.max(known.leastMb, Math.floor(memoryMb * known.share));
}

/**
 * GB of MongoDB's cache: half of what its container may use, since connections and sorting need the rest. Left to
 * itself, it takes half of the host.
 */
export function mongodbCacheGb(limitMb: number | undefined): number {
    return Math.max(0.25, Math.floor(((limitMb ?? 1024) / 1024) * 50) / 100);
}

/** MiB of data that Redis may hold: a third of its container's is for the copy that saves it. */
export function redisDataMb(limitMb: number | undefined): number | undefined {
    return limitMb === undefined ? undefined : Math.floor((limitMb * 2) / 3);
}

/**
 * Everything that is wrong with the memory of the services.
 *
 * @param path stands before each service, e.g. `stack.memory`.
 * @param services the names of those that there are.
 */
export function memoryProblems(
    path: string,
    given: Readonly<Record<string, number>>,
    { memoryMb, memoryFrom }: HostMemory,
    services: readonly string[],
): Problem[] {
    const problems = Object.entries(given).flatMap(([name, limit]) =>
        limitProblems(`${path}.${name}`, name, limit, memoryMb, services),
    );
    if (memoryMb === undefined || problems.length > 0) return problems;
    if (memoryMb < leastHostMb) {
        return [
            {
                path: memoryFrom?.path ?? path,
                reason: `${memoryFrom?.value ?? "The host"} has ${memoryMb} MiB of memory; the stack needs ${leastHostMb}, and ${advisedHostMb} are advised.`,
                remedy: `Choose ${largerThan(memoryFrom)}.`,
            },
        ];
    }
    const databases = (["mongodb", "redis"] as const).map(
        (name) => memoryLimitMb(name, memoryMb, given[name]) ?? 0,
    );
    const together = databases.reduce((a, b) => a + b, 0);
    const most = Math.floor(memoryMb * largestDatabaseShare);
    if (together <= most) return [];
    return [
        {
            path,
            reason: `mongodb and redis may use ${together} MiB of the host's ${memoryMb}: the mail services need the rest, which is too little.`,
            remedy: `Give them at most ${most} MiB together, or choose a larger server.`,
        },
    ];
}

function limitProblems(
    path: string,
    name: string,
    limit: unknown,
    memoryMb: number | undefined,
    services: readonly string[],
): Problem[] {
    if (!services.includes(name)) {
        const near = nearestName(name, services);
        return [
            {
                path,
                reason: "There is no such service.",
                remedy: `${near === undefined ? "" : `Did you mean ${near}? `}Known here: ${services.join(", ")}.`,
            },
        ];
    }
    const least = leastLimitMb[name] ?? leastNodeLimitMb;
    const most = memoryMb ?? 1024 * 1024;
    if (typeof limit === "number" && Number.isInteger(limit) && limit >= least && limit <= most) {
        return [];
    }
    return [
        {
            path,
            reason: `${JSON.stringify(limit) ?? String(limit)} is not a whole number of MiB from ${least} to ${most}.`,
            remedy: "Leave it out for the default, which follows the host's memory.",
        },
    ];
}

/** What has enough memory, in place of what has too little. */
function largerThan(memoryFrom: MemoryArgument | undefined): string {
    const fits = memoryFrom?.atLeast(advisedHostMb);
    return fits === undefined ? "a larger server" : `${fits} or a larger one`;
}

/** What is to be known of the host's memory, a sentence each. */
export function memoryWarnings({ memoryMb, memoryFrom }: HostMemory): string[] {
    if (memoryMb === undefined || memoryMb < leastHostMb || memoryMb >= advisedHostMb) return [];
    return [
        `${memoryFrom ? `${memoryFrom.path}: ${memoryFrom.value}` : "The host"} has ${memoryMb} MiB of memory: the authors of the stack advise ${advisedHostMb}. Watch for services that are ended for lack of it, or choose ${largerThan(memoryFrom)}.`,
    ];
}
