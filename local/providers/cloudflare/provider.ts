import type { Provider } from "../handler";
import { installedVersion } from "../installed-version";
import { connectionFailures } from "../laptop-endpoint";
import { connectionFrom } from "./client";
import { dnsRecord } from "./dns-record";
import { getDnsRecords } from "./get-dns-records";
import { getZone } from "./get-zone";
import { zoneDnssec } from "./zone-dnssec";

const tokensOnly = "the laptop cloud knows API tokens only: use apiToken";

/** A simulation of the cloudflare provider: a client of the laptop cloud's API with the real one's checks and rules. */
export const cloudflareProvider: Provider = {
    name: "cloudflare",
    version: installedVersion("cloudflare"),
    config: {
        apiKey: { type: "string", secret: true, refused: tokensOnly },
        apiToken: { type: "string", secret: true },
        apiUserServiceKey: { type: "string", secret: true, refused: tokensOnly },
        baseUrl: { type: "string" },
        email: { type: "string", refused: tokensOnly },
        userAgentOperatorSuffix: { type: "string" },
    },
    checkConfig: (config) =>
        connectionFailures(
            () => connectionFrom(config, process.env),
            "cloudflare:baseUrl",
            "apiToken",
        ),
    resources: {
        "cloudflare:index/dnsRecord:DnsRecord": dnsRecord,
        "cloudflare:index/zoneDnssec:ZoneDnssec": zoneDnssec,
    },
    functions: {
        "cloudflare:index/getDnsRecords:getDnsRecords": getDnsRecords,
        "cloudflare:index/getZone:getZone": getZone,
    },
};
