import {
    cloudflare,
    hetzner,
    MailHost,
    type DnsPlan,
    type DnsPlanArgs,
    type MailHostArgs,
} from "../../../components";
import { recordKey, type Phase } from "../../../components/dns/record";
import { images } from "../../unit/stack/stacks";
import { RecordingMock, type HeldZone, type RecordedResource } from "./recording-mock";

export const dnsRecord = "cloudflare:index/dnsRecord:DnsRecord";
export const domains = [{ name: "example.org" }, { name: "lists.example.org" }];
/** The host's own: the adapter's is whatever stands around the test. */
export const cloudflareApiToken = "c".repeat(40);
export const args: MailHostArgs = {
    domain: "example.com",
    email: "you@example.net",
    server: hetzner({ sshAllowedCidrs: ["203.0.113.0/24"] }),
    dns: cloudflare(),
    certificate: { cloudflareApiToken },
    stack: { images },
    domains,
};
/** What the records of {@link args} follow from. */
export const described: DnsPlanArgs = {
    domain: "example.com",
    email: "you@example.net",
    issuer: "letsencrypt.org",
    domains,
};

export interface Given {
    preview?: boolean;
    tokenUnknown?: boolean;
    zones?: Record<string, HeldZone | undefined>;
    args?: Partial<MailHostArgs>;
}

/** Makes a mail host under the mock. */
export async function make(given: Given = {}) {
    const { mock, result: mail } = await RecordingMock.run(
        given,
        () => new MailHost("mail", { ...args, ...given.args }),
    );
    return { mock, mail, records: mock.resources.filter(({ type }) => type === dnsRecord) };
}

/** Names of the resources of a plan. */
export function plannedNames({ records }: DnsPlan, ...phases: Phase[]): string[] {
    return records
        .filter(({ phase }) => phases.includes(phase))
        .map((record) => `mail-dns-${recordKey(record)}`)
        .sort();
}

export function namesOf(records: readonly RecordedResource[]): string[] {
    return records.map(({ name }) => name).sort();
}
