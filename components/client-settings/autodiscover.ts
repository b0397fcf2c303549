import type { MailService } from "./mail-service";
import { xmlDocument } from "./xml-document";

/**
 * What Outlook sets itself up from: one answer for every address of every domain.
 *
 * It names no login, since only the request has the address: Outlook then logs in with the whole address, in the form
 * of a user principal name.
 *
 * Source: https://learn.microsoft.com/exchange/client-developer/web-service-reference/pox-autodiscover-xml-elements-for-exchange
 */
export function autodiscoverDocument(services: readonly MailService[]): string {
    return xmlDocument({
        Autodiscover: {
            "@_xmlns": "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006",
            Response: {
                "@_xmlns":
                    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a",
                Account: {
                    AccountType: "email",
                    Action: "settings",
                    Protocol: services.map(protocolSection),
                },
            },
        },
    });
}

function protocolSection({ protocol, host, port }: MailService): object {
    return {
        Type: protocol.toUpperCase(),
        Server: host,
        Port: port,
        DomainRequired: "on",
        // A form of authentication that this host does not have; asked for unless it is off.
        SPA: "off",
        SSL: "on",
        AuthRequired: "on",
        ...(protocol === "smtp" ? { UsePOPAuth: "on", SMTPLast: "off" } : {}),
    };
}
