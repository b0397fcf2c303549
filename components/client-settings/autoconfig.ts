import type { MailService } from "./mail-service";
import { xmlDocument } from "./xml-document";

/** draft-ietf-mailmaint-autoconfig allows no longer one. */
const longestDisplayName = 60;

/**
 * What Thunderbird and others set themselves up from, format 1.1. Calendars and address books are found by their SRV
 * records instead (RFC 6764).
 *
 * Sources: https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat,
 * https://datatracker.ietf.org/doc/draft-ietf-mailmaint-autoconfig/
 *
 * @param domain the mail domain whose addresses it is for.
 */
export function autoconfigDocument(domain: string, services: readonly MailService[]): string {
    return xmlDocument({
        clientConfig: {
            "@_version": "1.1",
            emailProvider: {
                "@_id": domain,
                domain,
                displayName: domain.slice(0, longestDisplayName),
                incomingServer: services
                    .filter(({ protocol }) => protocol !== "smtp")
                    .map(serverSection),
                outgoingServer: services
                    .filter(({ protocol }) => protocol === "smtp")
                    .map(serverSection),
            },
        },
    });
}

function serverSection({ protocol, host, port }: MailService): object {
    return {
        "@_type": protocol,
        hostname: host,
        port,
        socketType: "SSL",
        authentication: "password-cleartext",
        // The mail program puts the user's address here.
        username: "%EMAILADDRESS%",
    };
}
