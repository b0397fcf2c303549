/**
 * An e-mail address as a `mailto:` URI (RFC 6068 §2). What separates URIs or carries a size limit in DMARC and TLS
 * report records (RFC 7489 §6.2) is encoded too.
 */
export function mailtoUri(address: string): string {
    const at = address.lastIndexOf("@");
    const local = address
        .slice(0, at)
        .replace(
            /[^A-Za-z0-9._~*'+$-]/g,
            (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
        );
    return `mailto:${local}@${domainOfAddress(address)}`;
}

/** What follows the `@`, in lower case. */
export function domainOfAddress(address: string): string {
    return address.slice(address.lastIndexOf("@") + 1).toLowerCase();
}
