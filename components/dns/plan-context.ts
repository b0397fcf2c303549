import { certificateNames, covers } from "../certificate/names";
import { hostNameOf } from "../names";
import { domainSettings, type DomainSettings } from "./domain-settings";
import type { DnsPlanArgs } from "./plan";
import type { CertificateKey } from "./record";

/** The description of a mail host with every default in place. */
export interface PlanContext {
    primary: string;
    /** The operator's e-mail address. */
    email: string;
    /** Name of the host. */
    host: string;
    primarySettings: DomainSettings;
    /** Every mail domain by name, the primary one among them. */
    domains: ReadonlyMap<string, DomainSettings>;
    addresses: ReadonlySet<"ipv4" | "ipv6">;
    pointers: readonly ("ipv4" | "ipv6")[];
    separateOutbound: boolean;
    systemDkimSelectors: readonly string[];
    signed: boolean;
    /** Whether the host has mailboxes. */
    mailboxes: boolean;
    startTlsSubmission: boolean;
    issuer: string;
    certificateNames: ReadonlySet<string>;
    certificateKeys: readonly CertificateKey[];
}

/** Fills in the defaults. Only meaningful for a description without problems. */
export function planContext(args: DnsPlanArgs): PlanContext {
    const primary = args.domain;
    const entries = args.domains ?? [];
    const primarySettings = domainSettings(
        entries.find(({ name }) => name === primary) ?? { name: primary },
        args.email,
    );
    const domains = new Map([[primary, primarySettings]]);
    for (const entry of entries) domains.set(entry.name, domainSettings(entry, args.email));
    const addresses = args.addresses ?? ["ipv4", "ipv6"];
    const further = [...domains.keys()].filter((name) => name !== primary);
    return {
        primary,
        email: args.email,
        host: hostNameOf(primary),
        primarySettings,
        domains,
        addresses: new Set(addresses),
        pointers: [...(args.pointers ?? addresses)].sort(),
        separateOutbound: args.separateOutbound ?? false,
        systemDkimSelectors: args.systemDkimSelectors ?? ["default"],
        signed: args.signed ?? false,
        mailboxes: args.profile !== "forwarding",
        startTlsSubmission: args.startTlsSubmission ?? false,
        issuer: args.issuer,
        certificateNames: new Set(args.certificateNames ?? certificateNames(primary, further)),
        certificateKeys: args.certificateKeys ?? ["current"],
    };
}

/** Why a record that leads to mailboxes is left out; undefined when it isn't. */
export function withoutMailboxes({ mailboxes }: PlanContext): string | undefined {
    return mailboxes ? undefined : "The profile forwarding has no mailboxes.";
}

/** Why a record that leads to a TLS service of this name is left out; undefined when it isn't. */
export function uncovered(context: PlanContext, name: string): string | undefined {
    return covers(context.certificateNames, name) ? undefined : `No certificate covers ${name}.`;
}
