import { mailtoUri } from "./mailto";
import { txt, type Row } from "./rows";

/**
 * The record that says where reports about senders' TLS to a name go (RFC 8460 §3).
 *
 * @param addresses e-mail addresses or `https:` URLs.
 */
export function tlsReportRow(name: string, addresses: readonly string[]): Row {
    const row = { name: `_smtp._tls.${name}`, role: "tls-reports" } as const;
    if (addresses.length === 0) {
        return { ...row, type: "TXT", why: "tlsReports.addresses is empty." };
    }
    const uris = addresses.map((address) =>
        address.startsWith("https:") ? recordUrl(address) : mailtoUri(address),
    );
    return txt(row.name, row.role, `v=TLSRPTv1; rua=${uris.join(",")}`);
}

/** A URL in a record's list of tags, with what separates tags and list entries encoded. */
export function recordUrl(url: string): string {
    return new URL(url).href.replaceAll(";", "%3B").replaceAll(",", "%2C").replaceAll("!", "%21");
}
