import { hostNameOf } from "../names";
import type { DomainSettings } from "./domain-settings";
import { mtaStsPolicy } from "./mta-sts";

/**
 * The MTA-STS policy of a mail domain, as its record announces it and the web server serves it (RFC 8461 §3.2);
 * undefined when there is none.
 *
 * @param primary the primary domain: the host is `mx.<primary>`.
 */
export function mtaStsPolicyOf(
    primary: string,
    { mtaSts, mx }: Pick<DomainSettings, "mtaSts" | "mx">,
): string | undefined {
    const { mode, maxAgeSeconds } = mtaSts;
    if (mode === "off") return undefined;
    // In the order in which senders try them, so that the order of the arguments changes no policy.
    const hosts = [{ host: hostNameOf(primary), preference: mx.preference }, ...mx.further]
        .sort((a, b) => a.preference - b.preference || (a.host < b.host ? -1 : 1))
        .map(({ host }) => host);
    return mtaStsPolicy({ mode, hosts, maxAgeSeconds });
}
