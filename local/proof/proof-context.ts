import { setTimeout as sleep } from "node:timers/promises";
import type { Accounts } from "./accounts";
import type { DomainValues } from "./domain-values";
import type { Letter, Mailbox } from "./mail-client";
import type { MailSite } from "./mail-site";
import type { Outside } from "./outside";

/** What the proofs of one run share. */
export interface ProofContext {
    /** The laptop cloud's name. */
    readonly cloud: string;
    readonly outside: Outside;
    readonly site: MailSite;
    /** User name and password that guard the web site at first. */
    readonly webAuth: { username: string; password: string };
    /** The file that the mail sink writes to. */
    readonly sinkLog: string;
    /** What is remembered between runs. */
    accounts: Accounts;
    /** The letter that port 25 has taken. */
    letter?: Letter;
    /** What the host tells of the primary domain. */
    domainValues?: DomainValues;
}

/** The mailbox that was made. */
export function mailboxOf({ accounts }: ProofContext): Mailbox {
    if (!accounts.mailbox) throw new Error("There is no mailbox.");
    return accounts.mailbox;
}

/**
 * Asks again every half second until there is an answer.
 *
 * @returns undefined when there is none within that time.
 */
export async function waitFor<T>(
    seconds: number,
    ask: () => Promise<T | undefined> | T | undefined,
): Promise<T | undefined> {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
        const answer = await ask();
        if (answer !== undefined || Date.now() >= deadline) return answer;
        await sleep(500);
    }
}
