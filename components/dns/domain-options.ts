/** One of the domains that the host receives mail for, and what its operator decides of its records. */
export interface MailDomain {
    /** The domain, e.g. `example.org`. */
    name: string;
    /**
     * The zone that holds its records: the domain itself or one above it.
     *
     * @default the registrable domain, e.g. `example.org` for `lists.example.org`
     */
    zone?: string;
    /**
     * Time to live of its records in seconds, 60 to 86400.
     *
     * @default 300
     */
    ttlSeconds?: number;
    /** Who may send mail for the domain (RFC 7208). */
    spf?: SpfOptions;
    /** What receivers do with mail that is not authenticated (RFC 7489). */
    dmarc?: DmarcOptions;
    /** Senders' TLS to this host (RFC 8461). */
    mtaSts?: MtaStsOptions;
    /** Reports about senders' TLS (RFC 8460). */
    tlsReports?: {
        /**
         * Where they are sent: e-mail addresses or `https:` URLs. An empty list: no such record.
         *
         * @default `tls-reports@<domain>`
         */
        addresses?: readonly string[];
    };
    /** Which authorities may issue certificates (RFC 8659). */
    caa?: CaaOptions;
    /** Where the domain's mail goes (RFC 5321 §5.1). */
    mx?: MxOptions;
    /** The logo that mail programs show (BIMI); needs a DMARC policy of quarantine or reject. */
    bimi?: {
        /** `https:` URL of the logo, SVG Tiny P/S. */
        logoUrl: string;
        /** `https:` URL of the Verified Mark Certificate, PEM. */
        certificateUrl?: string;
    };
    /** The domain's own DKIM key, the one that signs its mail: made by the host's web site with the domain. */
    dkim?: {
        /** e.g. `fe-1a2b3c4d5e`. */
        selector: string;
        /** Base64 of the RSA public key as a SubjectPublicKeyInfo, 1024 bits or more: what follows `p=`. */
        publicKey: string;
    };
    /** What follows `forward-email-site-verification=`: made by the host's web site with the domain. */
    siteVerification?: string;
}

export interface SpfOptions {
    /**
     * What to do with mail from elsewhere: `fail` (`-all`), `softfail` (`~all`) or `neutral` (`?all`).
     *
     * @default "fail"
     */
    all?: "fail" | "softfail" | "neutral";
    /**
     * Domains whose SPF record is included, e.g. that of a newsletter service.
     *
     * @default none
     */
    includes?: readonly string[];
}

export interface DmarcOptions {
    /** What receivers are asked to do with mail that fails DMARC (RFC 7489 §6.3). @default "quarantine" */
    policy?: "none" | "quarantine" | "reject";
    /** The same for mail of names below the domain. @default that of the domain */
    subdomainPolicy?: "none" | "quarantine" | "reject";
    /** How near the DKIM signature's domain has to be. @default "relaxed" */
    dkimAlignment?: "relaxed" | "strict";
    /** How near the return path's domain has to be. @default "relaxed" */
    spfAlignment?: "relaxed" | "strict";
    /**
     * E-mail addresses for aggregate reports. An empty list: none are sent.
     *
     * @default `dmarc@<domain>`
     */
    reportAddresses?: readonly string[];
    /** E-mail addresses for reports of single failures. @default none */
    failureReportAddresses?: readonly string[];
}

export interface MtaStsOptions {
    /**
     * `enforce`: senders that know the policy deliver over verified TLS or not at all. `testing`: they only report.
     * `none`: withdraws an earlier policy. `off`: no policy and no record.
     *
     * @default "testing"
     */
    mode?: "enforce" | "testing" | "none" | "off";
    /**
     * How long senders keep the policy, in seconds, 86400 (senders may ignore less) to 31557600.
     *
     * @default 604800 (a week) with `enforce`, else 86400
     */
    maxAgeSeconds?: number;
}

export interface CaaOptions {
    /**
     * Issuer domains of further authorities that may issue for the domain, e.g. `pki.goog`.
     *
     * @default none
     */
    issuers?: readonly string[];
    /**
     * Lets the host's own account alone issue (RFC 8657 §3). The records then come after the certificate, and another
     * account can't get one.
     *
     * @default false
     */
    accountBinding?: boolean;
    /**
     * E-mail address to which an authority reports a refused request (`iodef`).
     *
     * @default the operator's `email`
     */
    reportAddress?: string;
}

export interface MxOptions {
    /** Preference of the host, 0 to 65535; the lowest is tried first. @default 0 */
    preference?: number;
    /**
     * Further hosts that take the domain's mail. The stack's own check accepts a single MX and rejects the domain
     * with any further one.
     *
     * @default none
     */
    further?: readonly {
        /** Name of the host, e.g. `mx2.example.net`. */
        host: string;
        /** Its preference, 0 to 65535. */
        preference: number;
    }[];
}
