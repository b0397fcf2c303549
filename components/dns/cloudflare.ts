import { config, Provider, ZoneDnssec } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import {
    cloudflareDefaults,
    cloudflareProblems,
    tokenProblems,
    type CloudflareArgs,
} from "./cloudflare-arguments";
import { CloudflareZone, stackComment } from "./cloudflare-zone";
import { checkedZones } from "./cloudflare-zones";
import type { DnsAdapter, DnsWriter } from "./dns";
import type { Problem } from "../problem";
import type { DnsPlan } from "./record";

export type { CloudflareArgs } from "./cloudflare-arguments";
export { CloudflareZone, type CloudflareZoneArgs } from "./cloudflare-zone";

/**
 * Publishes the records at Cloudflare, in zones that exist. Before anything is written, what the zones hold is looked
 * up: a record of somebody else that clashes fails preview and update with the way out, and nothing is overwritten.
 *
 * @example
 * ```ts
 * import * as pulumi from "@pulumi/pulumi";
 * import { cloudflare, hetzner, MailHost, type StackOptions } from "pulumi-mailhost";
 *
 * const mail = new MailHost("mail", {
 *     domain: "example.com",
 *     email: "you@example.net",
 *     server: hetzner({ sshAllowedCidrs: ["203.0.113.0/24"] }),
 *     dns: cloudflare({ dnssec: true }),
 *     stack: new pulumi.Config("mailhost").getObject<StackOptions>("stack"),
 * });
 * ```
 */
export function cloudflare(args: CloudflareArgs = {}): DnsAdapter {
    return {
        signed: args.dnssec ?? cloudflareDefaults.dnssec,
        challengeToken: args.apiToken ?? defaultToken(),
        problems: (path, plan) => [
            ...cloudflareProblems(path, args, plan, stackComment()),
            ...(args.apiToken === undefined ? defaultTokenProblems(`${path}.apiToken`) : []),
        ],
        open: (name, plan, opts) => openZones(name, plan, args, opts),
    } satisfies DnsAdapter;
}

/** What the provider of the program reads for itself. */
function defaultToken(): string | undefined {
    return config.apiToken ?? process.env["CLOUDFLARE_API_TOKEN"];
}

/** The host is given it as well, long after the first resource is made. */
function defaultTokenProblems(path: string): Problem[] {
    const token = defaultToken();
    if (token === undefined || token === "") return [];
    const origin =
        config.apiToken === undefined
            ? "of the variable CLOUDFLARE_API_TOKEN"
            : "of the configuration cloudflare:apiToken";
    return tokenProblems(path, token, origin);
}

function openZones(
    name: string,
    plan: DnsPlan,
    args: CloudflareArgs,
    opts: pulumi.ComponentResourceOptions,
): DnsWriter {
    const { apiToken, adopt = [], recordsPerZone = cloudflareDefaults.recordsPerZone } = args;
    const { parent } = opts;
    const provider =
        apiToken === undefined ? undefined : new Provider(name, { apiToken }, { parent });
    const zones = checkedZones(
        name,
        plan,
        { comment: stackComment(), adopt, recordsPerZone },
        { parent, provider },
    );
    const zoneIds = Object.fromEntries(
        plan.zones.map((zone) => [zone.name, zones.apply((checked) => idOf(checked, zone.name))]),
    );
    const signed = plan.zones
        .filter((zone) => zone.signed)
        .map((zone) => ({
            name: zone.name,
            ds: signZone(name, zone.name, zoneIds, provider, opts),
        }));
    const ds = pulumi
        .output(signed)
        .apply((found) => Object.fromEntries(found.map((zone) => [zone.name, zone.ds])));
    return {
        write(phase, values, phaseOpts) {
            const records = plan.records.filter((record) => record.phase === phase);
            if (records.length === 0) return [];
            return [
                new CloudflareZone(
                    name,
                    { records, values, zoneIds, phase, adoptImported: adopt.length > 0 },
                    { ...phaseOpts, provider },
                ),
            ];
        },
        ds,
        nextSteps: pulumi
            .all([zones, ds])
            .apply(([checked, records]) => [
                ...Object.entries(checked).flatMap(([zone, { active, nameServers }]) =>
                    active
                        ? []
                        : [
                              `Have the registrar of ${zone} name Cloudflare's servers: ${nameServers.join(" and ")}. Until then nobody sees its records.`,
                          ],
                ),
                ...Object.entries(records).map(
                    ([zone, record]) =>
                        `Publish the DS record of ${zone} at its registrar, unless it is there: ${record}`,
                ),
            ]),
    };
}

/** Undefined where a preview could ask nobody, which the provider then can't be asked about either. */
function idOf(zones: Record<string, { id: string }>, zone: string): string {
    return zones[zone]?.id as string;
}

/**
 * Signs a zone. Kept when the program lets go of it: an unsigned zone whose DS record is still at the registrar is gone
 * for every resolver that validates.
 */
function signZone(
    name: string,
    zone: string,
    zoneIds: Record<string, pulumi.Output<string>>,
    provider: Provider | undefined,
    { parent }: pulumi.ComponentResourceOptions,
): pulumi.Output<string> {
    const dnssec = new ZoneDnssec(
        `${name}-dnssec-${zone}`,
        {
            zoneId: zoneIds[zone] ?? "",
            status: "active",
            // Left out, a refresh reads them as new.
            dnssecMultiSigner: false,
            dnssecPresigned: false,
            dnssecUseNsec3: false,
        },
        // No ignoreChanges: until the registrar has the DS record a refresh reads "pending", which the provider then
        // refuses as an input, so that every preview failed. Asking for "active" once more changes nothing.
        { parent, provider, retainOnDelete: true },
    );
    return dnssec.ds;
}
