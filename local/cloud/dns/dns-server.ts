/** A zone as it is to be answered. */
export interface ZoneContent {
    /** Without a trailing dot, e.g. `example.test` or `1.18.198.in-addr.arpa`. */
    name: string;
    /** Whether answers are signed by DNSSEC. */
    signed: boolean;
    /** SOA and NS are the server's own. */
    records: readonly ZoneRecord[];
}

export interface ZoneRecord {
    /** Owner name: fully qualified, without a trailing dot. */
    name: string;
    type: string;
    /** Seconds. */
    ttl: number;
    /** RDATA in presentation form (RFC 1035 §5.1), names in it with a trailing dot. */
    rdata: string;
}

/** The key-signing key of a signed zone, as a parent zone and an API need it. */
export interface ZoneKey {
    keyTag: number;
    /** RFC 8624 number. */
    algorithm: number;
    flags: number;
    /** Base64. */
    publicKey: string;
    /** SHA-256 of the key, hexadecimal in upper case. */
    digest: string;
}

/** An authoritative DNS server. */
export interface DnsServer {
    /** Where it answers, UDP and TCP. */
    readonly address: { host: string; port: number };
    /** Resolves once the server answers from this content. */
    publish(zone: ZoneContent): Promise<void>;
    /** Resolves once the server refuses the zone. */
    withdraw(name: string): Promise<void>;
    /** @throws Error when the zone is not signed. */
    keyOf(name: string): Promise<ZoneKey>;
    stop(): Promise<void>;
}
