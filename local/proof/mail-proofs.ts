import { sinkDomain } from "../cloud/sink/sink-zone";
import {
    deliver,
    isWhole,
    readByImap,
    refusalOf,
    submit,
    writeLetter,
    type Letter,
} from "./mail-client";
import { readByPop3 } from "./pop3-client";
import type { ProofStep } from "./proof";
import { mailboxOf, waitFor, type ProofContext } from "./proof-context";
import { mailbox } from "./web-proofs";

export const mailIn = "mail in, port 25";

/** A mail server writes a message to the disk before it answers, so it is there at once. */
const readSeconds = 20;

/** A mail comes in from outside and is read, and nobody uses the host for what is not theirs. */
export function mailProofs(context: ProofContext): ProofStep[] {
    return [
        {
            name: mailIn,
            needs: [mailbox],
            services: ["mx"],
            prove: () => proveDelivery(context),
        },
        {
            name: "mail read, IMAP 993",
            needs: [mailIn],
            services: ["imap", "sqlite"],
            prove: async () => {
                const login = mailboxOf(context);
                return proveReading(context, (wanted) =>
                    readByImap(context.outside, login, wanted),
                );
            },
        },
        {
            name: "mail read, POP3 995",
            needs: [mailIn],
            services: ["pop3", "sqlite"],
            prove: async () => {
                const login = mailboxOf(context);
                return proveReading(context, (wanted) =>
                    readByPop3(context.outside, login, wanted),
                );
            },
        },
        {
            name: "no open relay",
            needs: [mailbox],
            services: ["mx", "smtp"],
            prove: () => proveRefusals(context),
        },
    ];
}

const outsider = `somebody@${sinkDomain}`;

async function proveDelivery(context: ProofContext): Promise<string> {
    const letter = writeLetter(outsider, mailboxOf(context).address);
    await deliver(context.outside, letter);
    context.letter = letter;
    return `from ${letter.from} to ${letter.to}, STARTTLS, certificate of ${context.outside.hostName} verified`;
}

async function proveReading(
    { letter }: ProofContext,
    read: (wanted: (message: string) => boolean) => Promise<string | undefined>,
): Promise<string> {
    const sent = letter as Letter;
    const message = await waitFor(readSeconds, () =>
        read((one) => one.includes(`Message-ID: ${sent.messageId}\r\n`)),
    );
    if (message === undefined) {
        throw new Error(`The mail that was accepted is not in the mailbox after ${readSeconds} s.`);
    }
    if (!isWhole(message, sent))
        throw new Error("The mail that was read is not the one that was sent.");
    return "the same mail, header and body";
}

async function proveRefusals(context: ProofContext): Promise<string> {
    const { outside } = context;
    const { address } = mailboxOf(context);
    const nobody = `nobody-${Date.now()}@${outside.domain}`;
    const refusals: [what: string, letter: Letter, by: typeof deliver][] = [
        ["mail to nobody's address", writeLetter(outsider, nobody), deliver],
        ["mail for another domain", writeLetter(outsider, `x@elsewhere.test`), deliver],
        [
            "mail for another domain in the name of a mailbox",
            writeLetter(address, outsider),
            deliver,
        ],
        ["mail without a login at port 465", writeLetter(address, outsider), submit],
    ];
    const answers: string[] = [];
    for (const [what, letter, by] of refusals) {
        const answer = await refusalOf(by(outside, letter)).catch((error: unknown) => {
            throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`);
        });
        answers.push(answer.slice(0, 3));
    }
    const wrong = { address, password: "not the password" };
    answers.push(
        (await refusalOf(submit(outside, writeLetter(address, outsider), wrong))).slice(0, 3),
    );
    return `unknown recipient, other domains, no login, wrong password: ${answers.join(", ")}`;
}
