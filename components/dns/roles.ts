/**
 * Which of the records of one name and type a record is. With both, it names the record's resource: a contract, a
 * change makes another record. It never depends on what is only known later, nor on a place in a list.
 */
export type Role =
    /** A, AAAA: where the host receives. */
    | "address"
    /** A, AAAA of the host: where it sends from, if elsewhere. */
    | "outbound"
    /** CNAME: a service of the host, e.g. `imap.<domain>`. */
    | "service"
    /** CNAME: where mail that can't be delivered comes back to. */
    | "return-path"
    /** CNAME, TXT, SRV: what mail programs set themselves up from. */
    | "autoconfig"
    | "autodiscover"
    /** SRV: a service that a mail program finds by its domain, or that there is none. */
    | "locator"
    /** TXT beside an SRV record: the path of the service. */
    | "path"
    /** MX: this host. */
    | "host"
    /** MX: another host, by its name. */
    | `further-${string}`
    /** TXT. */
    | "spf"
    | "dmarc"
    /** TXT: consent to the DMARC reports of another domain. */
    | "dmarc-consent"
    /** TXT: a key of the system. */
    | "system-dkim"
    /** TXT: the domain's own key. */
    | "dkim"
    | "site-verification"
    /** TXT: there is a policy. CNAME: where it is read. */
    | "mta-sts"
    | "tls-reports"
    | "bimi"
    /** CAA: the host's own authority. */
    | "issue"
    | "issuewild"
    /** CAA: a further authority, by its issuer domain. */
    | `issue-${string}`
    | `issuewild-${string}`
    | "iodef"
    /** TLSA: the certificate's key, and the one that follows it. */
    | "current"
    | "next"
    /** SSHFP. */
    | "host-key"
    /** HTTPS. */
    | "web";
