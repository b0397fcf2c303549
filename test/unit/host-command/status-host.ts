import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { beforeEach } from "node:test";
import { hostCommandFiles } from "../../../components/host/host-command";
import { host, simulateHost } from "../stack-deploy/simulated-host";

export const fileOf = (name: string) =>
    hostCommandFiles().find(({ path: file }) => file.endsWith(`/${name}`))!.content;

/** `mailhost status --json` */
export interface Status {
    host: string;
    well: boolean;
    underWay: string | null;
    facts: Record<string, string>;
    problems: string[];
    unsettled: string[];
}

/** Every test of the file gets a host on which the status can be asked for. */
export function simulateStatusHost(): void {
    simulateHost();
    beforeEach(() => fs.writeFileSync(path.join(host.root, "library", "causes"), fileOf("causes")));
}

export async function status(): Promise<{ code: number | null; status: Status }> {
    const { code, stdout, stderr } = await host.run(
        fileOf("status").replaceAll("/etc/mailhost/", `${host.root}/etc/`),
        ["--json"],
    );
    assert.equal(stderr, "");
    return { code, status: JSON.parse(stdout) as Status };
}

/** Exactly that is wrong, and no work is under way. */
export async function wrong(...problems: (string | RegExp)[]): Promise<Status> {
    const { code, status: found } = await status();
    assert.deepEqual([code, found.well], [problems.length === 0 ? 0 : 1, problems.length === 0]);
    assert.equal(found.problems.length, problems.length, found.problems.join("\n"));
    assert.deepEqual([found.underWay, found.unsettled], [null, []]);
    for (const [index, problem] of problems.entries()) {
        if (typeof problem === "string") assert.equal(found.problems[index], problem);
        else assert.match(found.problems[index]!, problem);
    }
    return found;
}

/** What becomes of a running service. */
export function setService(service: string, state: string): void {
    const file = path.join(host.fake, "containers", service);
    const [id, content] = fs.readFileSync(file, "utf8").split(" ");
    fs.writeFileSync(file, `${id} ${content} ${state}\n`);
}
