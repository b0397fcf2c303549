import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readAccounts } from "../../../local/proof/accounts";
import {
    deliver,
    isWhole,
    readByImap,
    writeLetter,
    type Letter,
    type Mailbox,
} from "../../../local/proof/mail-client";
import { Outside } from "../../../local/proof/outside";
import { prove } from "../../../local/proof/prove";
import type { Proof } from "../../../local/proof/proof";
import { countApiWrites } from "../../../local/proof/update-summary";
import { eventually, type TestLaptop } from "./test-laptop";

/** The services of the mail image in the profile `storage`. */
export const nodeServices = [
    ...["api", "bree", "caldav", "carddav", "imap", "mx", "pop3", "smtp", "smtp_bree", "sqlite"],
    ...["sqlite_bree", "web"],
];
export const databases = ["mongodb", "redis"];
export const everyService = [...nodeServices, ...databases, "sni-router"].sort();

/**
 * Every proof of `npm run local` on a test's own laptop cloud, each of which holds: among them that a mail comes in and
 * is read, and that another goes out and passes every check, SPF and PTR among them.
 *
 * @param t is told of each.
 */
export async function allProven(laptop: TestLaptop, t?: TestContext): Promise<Proof[]> {
    const proofs = await prove({
        cloud: laptop.name,
        status: await laptop.status(),
        stack: laptop.stack,
        up: async () => JSON.stringify((await laptop.up()).changes),
    });
    for (const { name, ok, detail, seconds } of proofs) {
        t?.diagnostic(`${ok ? "ok" : "FAILED"} ${name} (${seconds} s): ${detail}`);
    }
    assert.deepEqual(
        proofs.filter(({ ok }) => !ok),
        [],
    );
    const names = proofs.map(({ name }) => name);
    for (const what of ["mail in, port 25", "mail out, port 465"]) {
        assert.ok(names.includes(what), `${what}: not tried`);
    }
    return proofs;
}

export async function outsideOf(laptop: TestLaptop): Promise<Outside> {
    return Outside.of(await laptop.status());
}

/** The mailbox that the proofs have made. */
export function mailboxAt(laptop: TestLaptop): Mailbox {
    const { mailbox } = readAccounts(laptop.name);
    assert.ok(mailbox, "no mailbox was made");
    return mailbox;
}

/** Container → when it was started, of all that there are. */
export async function startTimes(laptop: TestLaptop): Promise<Map<string, string>> {
    const lines = await laptop.ssh(
        "docker ps -aq | xargs -r docker inspect -f '{{.Name}} {{.State.StartedAt}}'",
    );
    return new Map(
        lines
            .split("\n")
            .filter((line) => line !== "")
            .map((line) => line.slice(1).split(" ") as [string, string]),
    );
}

/** The containers that were started since, in order. */
export async function restartedSince(
    laptop: TestLaptop,
    before: ReadonlyMap<string, string>,
): Promise<string[]> {
    const now = await startTimes(laptop);
    return [...now]
        .filter(([name, at]) => before.get(name) !== at)
        .map(([name]) => name)
        .sort();
}

/** Every service is healthy, or runs where it has no check; false as well while Docker does not answer. */
export async function allHealthy(laptop: TestLaptop): Promise<boolean> {
    const { code, stdout } = await laptop.trySsh(
        "docker ps -aq | xargs -r docker inspect -f '{{.Name}} {{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}'",
    );
    if (code !== 0) return false;
    const lines = stdout.trim().split("\n");
    const health = new Map(lines.map((line) => line.slice(1).split(" ") as [string, string]));
    return (
        everyService.every((name) => health.has(name)) &&
        [...health.values()].every((state) => state === "healthy" || state === "running")
    );
}

/** How often somebody has logged in to the host so far, this question included: the journal has it after the sync. */
export async function logins(laptop: TestLaptop): Promise<number> {
    return Number(
        await laptop.ssh(
            "journalctl --sync && journalctl -u ssh --no-pager -q | grep -c 'Accepted publickey'",
        ),
    );
}

/** What an `up` cost: logins to the host, and requests that changed something at a provider. */
export async function costOf(
    laptop: TestLaptop,
    work: () => Promise<unknown>,
): Promise<{ logins: number; writes: number }> {
    const before = { logins: await logins(laptop), writes: countApiWrites(laptop.name) };
    await work();
    const writes = countApiWrites(laptop.name) - before.writes;
    // The second question is a login of its own.
    return { logins: (await logins(laptop)) - before.logins - 1, writes };
}

/** Sends a letter to port 25 and reads it over IMAP. */
export async function mailArrives(laptop: TestLaptop): Promise<Letter> {
    const outside = await outsideOf(laptop);
    const mailbox = mailboxAt(laptop);
    const letter = writeLetter("stranger@sink.test", mailbox.address);
    await deliver(outside, letter);
    await eventually(() => isThere(outside, mailbox, letter), 120, "the mail is read");
    return letter;
}

export async function isThere(
    outside: Outside,
    mailbox: Mailbox,
    letter: Letter,
    among?: { newest: number },
): Promise<boolean> {
    const found = await readByImap(outside, mailbox, (message) => isWhole(message, letter), among);
    return found !== undefined;
}

/** An `up` that has to fail; returns what it printed. */
export async function failedUp(laptop: TestLaptop): Promise<string> {
    const { code, stdout, stderr } = await laptop.pulumi("up", "--yes", "--skip-preview");
    assert.notEqual(code, 0, stdout);
    return stdout + stderr;
}

/** How long a mail server, or a mail program, waits before it tries again. */
const retryMilliseconds = 15_000;

/** Delivers letters one after the other until it is told to stop. Each is tried again until it is taken. */
export class MailStream {
    /** Those that the host has taken: it answered 250. */
    readonly accepted: Letter[] = [];
    /** What went wrong, and how often. */
    readonly failures = new Map<string, number>();
    /** How often one letter was not taken at most. */
    worst = 0;
    private stopped = false;
    private readonly done: Promise<void>;

    constructor(
        private readonly outside: Outside,
        private readonly mailbox: Mailbox,
    ) {
        this.done = this.run();
    }

    async stop(): Promise<void> {
        this.stopped = true;
        await this.done;
    }

    private async run(): Promise<void> {
        while (!this.stopped) {
            await this.handOver(writeLetter("stranger@sink.test", this.mailbox.address));
            await sleep(100);
        }
    }

    private async handOver(letter: Letter): Promise<void> {
        for (let failed = 0; ; failed++) {
            this.worst = Math.max(this.worst, failed);
            try {
                await deliver(this.outside, letter);
                this.accepted.push(letter);
                return;
            } catch (error) {
                const { code, message } = error as { code?: string; message: string };
                const what = code ?? message;
                this.failures.set(what, (this.failures.get(what) ?? 0) + 1);
            }
            if (this.stopped) return;
            await sleep(retryMilliseconds);
        }
    }
}

/** Connects to ports over TLS, again and again, each as a program does that tries once more. */
export class PortWatch {
    /** What failed twice in a row. */
    readonly failedTwice: string[] = [];
    connections = 0;
    private stopped = false;
    private readonly done: Promise<unknown>;

    constructor(
        private readonly outside: Outside,
        ports: readonly number[],
    ) {
        this.done = Promise.all(ports.map((port) => this.watch(port)));
    }

    async stop(): Promise<void> {
        this.stopped = true;
        await this.done;
    }

    private async watch(port: number): Promise<void> {
        const { outside } = this;
        const connect = async () =>
            (await outside.connect(port, outside.hostName, { starttls: port === 25 })).destroy();
        while (!this.stopped) {
            try {
                await connect();
                this.connections++;
            } catch {
                await sleep(retryMilliseconds);
                await connect().catch((error: Error) => this.failedTwice.push(error.message));
            }
            await sleep(100);
        }
    }
}
