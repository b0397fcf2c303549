import { throwProblems, type Problem } from "../problem";
import type { MailDomain } from "./domain-options";
import { planContext } from "./plan-context";
import { examine } from "./problems";
import type { CertificateKey, DnsPlan } from "./record";
import { layOut } from "./record-set";

/** What the records follow from. Plain values, the same in every preview. */
export interface DnsPlanArgs {
    /** The primary domain: the host is `mx.<domain>`. */
    domain: string;
    /** The operator's e-mail address. */
    email: string;
    /**
     * Further mail domains; an entry of the primary domain's own name holds its options.
     *
     * @default none
     */
    domains?: readonly MailDomain[];
    /**
     * The families in which the host has an address.
     *
     * @default both
     */
    addresses?: readonly ("ipv4" | "ipv6")[];
    /**
     * The families in which the server sets the PTR record: mail from an address without one is refused.
     *
     * @default as `addresses`
     */
    pointers?: readonly ("ipv4" | "ipv6")[];
    /** Whether the host sends from other addresses than those at which it receives. @default false */
    separateOutbound?: boolean;
    /**
     * Selectors of the system's DKIM keys. Two while one is replaced: the new one is published before the old one goes.
     *
     * @default ["default"]
     */
    systemDkimSelectors?: readonly string[];
    /** Whether the zones are signed by DNSSEC. @default false */
    signed?: boolean;
    /**
     * `forwarding`: the host has no mailboxes, so none of the services by which they are read.
     *
     * @default "storage"
     */
    profile?: "storage" | "forwarding";
    /** Whether mail is taken for submission on port 587 with STARTTLS as well. @default false */
    startTlsSubmission?: boolean;
    /** Issuer domain of the certificate authority, e.g. `letsencrypt.org` (RFC 8659 §4.2). */
    issuer: string;
    /**
     * The names that the host's certificates cover, wildcards included.
     *
     * @default see `certificateNames`
     */
    certificateNames?: readonly string[];
    /** The certificate keys that a TLSA record names. @default ["current"] */
    certificateKeys?: readonly CertificateKey[];
}

/**
 * Everything that is wrong with the description, all at once; paths as in the arguments of `MailHost`
 * (`domain`, `domains[1].spf.includes[0]`). A pure function.
 */
export function dnsProblems(args: DnsPlanArgs): Problem[] {
    return examine(args).problems;
}

/**
 * Every DNS record of a mail host, with what is left out and why. A pure function.
 *
 * @throws InputPropertiesError with everything that is wrong, see {@link dnsProblems}.
 */
export function planDnsRecords(args: DnsPlanArgs): DnsPlan {
    const { problems, plan } = examine(args);
    throwProblems("The DNS records", problems);
    return plan ?? layOut(planContext(args));
}
