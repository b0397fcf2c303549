import { setTimeout as sleep } from "node:timers/promises";
import type { Collection } from "mongodb";
import { Accounts } from "../accounts";
import { emails, type Email } from "../emails";
import { sendEmail, SendError } from "../outgoing";
import { runService, type Service } from "../service";

const pollMilliseconds = 1000;
const firstRetrySeconds = 5;
const mostAttempts = 10;

void runService("smtp_bree", {
    start: async (service) => {
        const queue = await emails(service.environment);
        const accounts = await Accounts.open(service.environment);
        let stopped = false;
        const work = async () => {
            while (!stopped) {
                try {
                    for (const email of await dueEmails(queue)) {
                        if (!stopped) await attempt(service, accounts, queue, email);
                    }
                } catch (error) {
                    service.log(`error: ${String(error)}`);
                }
                await sleep(pollMilliseconds, undefined, { ref: !stopped });
            }
        };
        const finished = work();
        service.log("waiting for emails");
        return () => {
            stopped = true;
            return finished;
        };
    },
});

async function dueEmails(queue: Collection<Email>): Promise<Email[]> {
    const waiting = await queue.find({ status: { $in: ["queued", "deferred"] } }).toArray();
    const now = Date.now();
    return waiting.filter(({ next_attempt }) => next_attempt <= now);
}

/** Sends an email to those who don't have it yet, and writes down what became of it. */
async function attempt(
    service: Service,
    accounts: Accounts,
    queue: Collection<Email>,
    email: Email,
): Promise<void> {
    const attempts = email.attempts + 1;
    const accepted = [...email.accepted];
    let failure: SendError | undefined;
    for (const recipient of email.envelope.to) {
        if (accepted.includes(recipient)) continue;
        try {
            const response = await sendEmail(service.environment, accounts, email, recipient);
            accepted.push(recipient);
            // At once: a recipient gets a second copy only if this service is killed right here.
            await queue.updateOne({ _id: email._id }, { $set: { accepted } });
            service.log(`email ${email._id} sent to ${recipient}: ${response}`);
        } catch (error) {
            failure =
                error instanceof SendError
                    ? error
                    : new SendError("deferred", "INTERNAL", (error as Error).message);
            service.log(`email ${email._id} to ${recipient}: ${failure.code}: ${failure.message}`);
        }
    }
    const outcome = failure?.outcome ?? "sent";
    const status = outcome === "deferred" && attempts >= mostAttempts ? "bounced" : outcome;
    const next_attempt = Date.now() + firstRetrySeconds * 1000 * 2 ** email.attempts;
    const error = failure ? { code: failure.code, message: failure.message } : null;
    await queue.updateOne({ _id: email._id }, { $set: { status, attempts, next_attempt, error } });
}
