import * as fs from "node:fs";
import * as path from "node:path";
import { stackName, type LocalStack } from "../engine/stack";
import { cloudPaths } from "../paths";

/** What the engine did, in its words. */
type ResourceChanges = Record<string, number>;

const inWords: Record<string, string> = {
    create: "created",
    update: "updated",
    replace: "replaced",
    delete: "deleted",
    same: "as they were",
};

/** `3 created, 83 as they were` */
export function describeChanges(changes: ResourceChanges): string {
    return Object.entries(inWords)
        .flatMap(([kind, words]) => (changes[kind] ? [`${changes[kind]} ${words}`] : []))
        .join(", ");
}

/** Whether nothing was to do. */
export function changedNothing(changes: ResourceChanges): boolean {
    return Object.entries(changes).every(([kind, count]) => kind === "same" || count === 0);
}

/** What the stack's last update has changed; undefined when its history does not tell. */
export async function lastChanges(stack: LocalStack): Promise<ResourceChanges | undefined> {
    const { code, stdout } = await stack.pulumi([
        ...["stack", "history", "--stack", stackName, "--json", "--page-size", "1"],
    ]);
    if (code !== 0) return undefined;
    const [last] = JSON.parse(stdout) as { resourceChanges?: ResourceChanges }[];
    return last?.resourceChanges;
}

/** How many requests have changed something at the simulated providers so far. */
export function countApiWrites(cloud: string): number {
    const { root } = cloudPaths(cloud);
    return ["requests.log", "cloudflare-requests.log"]
        .map((name) => path.join(root, name))
        .filter((file) => fs.existsSync(file))
        .flatMap((file) => fs.readFileSync(file, "utf8").split("\n"))
        .filter((line) => line !== "" && writes(line)).length;
}

function writes(line: string): boolean {
    const { method } = JSON.parse(line) as { method: string };
    return method !== "GET";
}
