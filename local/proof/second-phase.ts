import type { MailDomain } from "../../components/dns/domain-options";
import type { LocalStack } from "../engine/stack";
import { readSinkLog } from "../cloud/sink/sink-log";
import { sinkDomain } from "../cloud/sink/sink-zone";
import { hasDomainValues, readDomainValues, withDomainValues } from "./domain-values";
import { refusalOf, submit, writeLetter } from "./mail-client";
import { RefusedError, type MailSite } from "./mail-site";
import type { ProofStep } from "./proof";
import { mailboxOf, type ProofContext } from "./proof-context";
import { setStackSetting } from "./stack-setting";
import { mailbox } from "./web-proofs";

export const valuesRead = "the domain's own values";

const setting = "mailhost:domains";

/** Takes from the host what only it knows of the primary domain, and proves that it sends nothing before. */
export function firstPhaseProofs(context: ProofContext, stack: LocalStack): ProofStep[] {
    const { outside, site } = context;
    return [
        {
            name: valuesRead,
            needs: [mailbox],
            services: ["web"],
            prove: async () => {
                const { checklist } = await site.checklist(outside.domain);
                const values = readDomainValues(outside.domain, checklist);
                context.domainValues = values;
                return `DKIM selector ${values.dkim.selector}, site verification ${values.siteVerification}`;
            },
        },
        {
            name: "nothing sent too early",
            needs: [valuesRead],
            services: ["smtp", "api"],
            prove: async () =>
                isSecondPhase(context, stack) ? undefined : proveWaiting(context, stack),
        },
    ];
}

/** Whether the stack has the values that the host tells. */
export function isSecondPhase({ outside, domainValues }: ProofContext, stack: LocalStack): boolean {
    return (
        domainValues !== undefined &&
        hasDomainValues(configuredDomains(stack), outside.domain, domainValues)
    );
}

/** Sets the values as inputs of the stack; the next `pulumi up` publishes them. */
export async function enterSecondPhase(
    { outside, domainValues }: ProofContext,
    stack: LocalStack,
): Promise<void> {
    if (!domainValues) throw new Error("The host has not told the domain's values.");
    const domains = withDomainValues(configuredDomains(stack), outside.domain, domainValues);
    await setStackSetting(stack, setting, domains);
}

function configuredDomains(stack: LocalStack): MailDomain[] {
    return (stack.setting(setting) ?? []) as MailDomain[];
}

/** The records of the second phase are missing: the host has to refuse, or receivers would take its mail for forged. */
async function proveWaiting(context: ProofContext, stack: LocalStack): Promise<string> {
    const { outside, site, sinkLog } = context;
    const login = mailboxOf(context);
    if (!(await findsMissing(site, outside.domain))) {
        const [set, told] = [configuredDomains(stack), context.domainValues];
        throw new Error(
            `verify-smtp finds nothing missing before the second phase: the stack has ${JSON.stringify(set)}, the host tells ${JSON.stringify(told)}.`,
        );
    }
    const letter = writeLetter(login.address, `proof@${sinkDomain}`);
    const answer = await refusalOf(submit(outside, letter, login));
    if (readSinkLog(sinkLog).some(({ messageId }) => messageId === letter.messageId)) {
        throw new Error("The mail that was refused has left the host.");
    }
    return `before the records are there, port 465 says ${answer}`;
}

async function findsMissing(site: MailSite, domain: string): Promise<boolean> {
    try {
        await site.api("GET", `/v1/domains/${domain}/verify-smtp`);
        return false;
    } catch (error) {
        if (error instanceof RefusedError && error.status === 400) return true;
        throw error;
    }
}
