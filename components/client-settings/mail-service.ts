import { hostNameOf } from "../names";

/** A service that a mail program logs in to: over TLS from its first byte, with the whole address and a password. */
export interface MailService {
    protocol: "imap" | "pop3" | "smtp";
    /** Name of the host, as its certificate has it. */
    host: string;
    port: number;
}

/**
 * The services of a mail host (RFC 8314 §3), IMAP before POP3: mail programs take the first.
 *
 * @param primary the primary domain: the host is `mx.<primary>`.
 */
export function mailServices(primary: string): readonly MailService[] {
    const host = hostNameOf(primary);
    return [
        { protocol: "imap", host, port: 993 },
        { protocol: "pop3", host, port: 995 },
        { protocol: "smtp", host, port: 465 },
    ];
}
