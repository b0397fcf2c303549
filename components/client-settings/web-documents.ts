import type { DomainSettings } from "../dns/domain-settings";
import { mtaStsPolicyOf } from "../dns/mta-sts-policy";
import { hostNameOf } from "../names";
import { autoconfigDocument } from "./autoconfig";
import { autodiscoverDocument } from "./autodiscover";
import { mailServices } from "./mail-service";

/** A text that the host's web server answers with, over HTTPS. */
export interface WebDocument {
    /** Name under which it is asked for: the host of its URL, which a certificate has to cover. */
    host: string;
    /** Path of its URL. Outlook writes its own in any case of letters, and asks with POST. */
    path: string;
    contentType: string;
    text: string;
}

/**
 * Everything that the host's web server has to answer for one of its mail domains: the MTA-STS policy (RFC 8461 §3.3)
 * and what mail programs set themselves up from.
 *
 * @param primary the primary domain: the host is `mx.<primary>`.
 * @param profile `forwarding`: there are no mailboxes that a mail program could be set up for.
 */
export function webDocuments(
    primary: string,
    domain: Pick<DomainSettings, "name" | "mtaSts" | "mx">,
    profile: "storage" | "forwarding" = "storage",
): WebDocument[] {
    const policy = policyDocuments(primary, domain);
    return profile === "storage" ? [...policy, ...settingsDocuments(primary, domain)] : policy;
}

function policyDocuments(
    primary: string,
    domain: Pick<DomainSettings, "name" | "mtaSts" | "mx">,
): WebDocument[] {
    const policy = mtaStsPolicyOf(primary, domain);
    if (policy === undefined) return [];
    return [
        {
            host: `mta-sts.${domain.name}`,
            path: "/.well-known/mta-sts.txt",
            contentType: "text/plain; charset=utf-8",
            text: policy,
        },
    ];
}

function settingsDocuments(primary: string, domain: Pick<DomainSettings, "name">): WebDocument[] {
    const services = mailServices(primary);
    const autodiscover = {
        path: "/autodiscover/autodiscover.xml",
        contentType: "text/xml; charset=utf-8",
        text: autodiscoverDocument(services),
    };
    return [
        {
            host: `autoconfig.${domain.name}`,
            path: "/mail/config-v1.1.xml",
            contentType: "text/xml; charset=utf-8",
            text: autoconfigDocument(domain.name, services),
        },
        { host: `autodiscover.${domain.name}`, ...autodiscover },
        // The SRV records of every domain lead to the host itself.
        ...(domain.name === primary ? [{ host: hostNameOf(primary), ...autodiscover }] : []),
    ];
}
