/** Instruction set of a server, in the words of the Hetzner Cloud API. */
export type Architecture = "x86" | "arm";

/** A kind of server that Hetzner rents. */
export interface ServerType {
    name: string;
    architecture: Architecture;
    cores: number;
    memoryGb: number;
    diskGb: number;
    /** Names of the locations that offer it. */
    locations: readonly string[];
}

/** Where Hetzner Cloud has servers, volumes and addresses. */
export const locations = ["fsn1", "nbg1", "hel1", "ash", "hil", "sin"] as const;

const europe = ["fsn1", "nbg1", "hel1"];
const overseas = ["ash", "hil", "sin"];

function family(
    architecture: Architecture,
    where: readonly string[],
    sizes: Record<string, readonly [cores: number, memoryGb: number, diskGb: number]>,
): ServerType[] {
    return Object.entries(sizes).map(([name, [cores, memoryGb, diskGb]]) => ({
        name,
        architecture,
        cores,
        memoryGb,
        diskGb,
        locations: where,
    }));
}

/** The server types of Hetzner Cloud (https://www.hetzner.com/cloud); those that can't be ordered any more left out. */
export const serverTypes: readonly ServerType[] = [
    ...family("arm", europe, {
        cax11: [2, 4, 40],
        cax21: [4, 8, 80],
        cax31: [8, 16, 160],
        cax41: [16, 32, 320],
    }),
    ...family("x86", europe, {
        cx23: [2, 4, 40],
        cx33: [4, 8, 80],
        cx43: [8, 16, 160],
        cx53: [16, 32, 320],
    }),
    ...family("x86", [...europe, "sin"], {
        cpx12: [1, 2, 40],
        cpx22: [2, 4, 80],
        cpx32: [4, 8, 160],
        cpx42: [8, 16, 320],
        cpx52: [12, 24, 480],
        cpx62: [16, 32, 640],
    }),
    ...family("x86", overseas, {
        cpx11: [2, 2, 40],
        cpx21: [3, 4, 80],
        cpx31: [4, 8, 160],
        cpx41: [8, 16, 240],
        cpx51: [16, 32, 360],
    }),
    ...family("x86", locations, {
        ccx13: [2, 8, 80],
        ccx23: [4, 16, 160],
        ccx33: [8, 32, 240],
        ccx43: [16, 64, 360],
        ccx53: [32, 128, 600],
        ccx63: [48, 192, 960],
    }),
];

/** The type of that name; undefined when the catalogue doesn't know it. */
export function serverType(name: string): ServerType | undefined {
    return serverTypes.find((type) => type.name === name);
}

/** What a server of that type has, in MiB; undefined when the catalogue doesn't know it. */
export function memoryMbOf(typeName: string): number | undefined {
    const type = serverType(typeName);
    return type && type.memoryGb * 1024;
}

/** Types that were retired or are newer than the catalogue: every ARM type of Hetzner's is called `cax…`. */
function architectureOf(typeName: string): Architecture {
    return serverType(typeName)?.architecture ?? (typeName.startsWith("cax") ? "arm" : "x86");
}

/**
 * Why a running server can't become one of that type: a server's disk boots on one architecture only. Undefined when
 * nothing is in the way.
 */
export function architectureConflict(
    type: string,
    architecture: Architecture,
    running: readonly { name: string; serverType: string }[],
): string | undefined {
    const other = running.find((server) => architectureOf(server.serverType) !== architecture);
    if (other === undefined) return undefined;
    return (
        `server.type: ${JSON.stringify(type)} is ${architecture}, but the running server ${other.name} ` +
        `(${other.serverType}) is ${architectureOf(other.serverType)}, and a server can't change its architecture. ` +
        `The server was not touched. Choose a type that is ${architectureOf(other.serverType)}. To move to the other ` +
        `architecture, destroy the server first (pulumi destroy --target-dependents --target its URN): addresses, ` +
        `PTR and data stay.`
    );
}
