import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { recordComment } from "./cloudflare-arguments";
import { cloudflareRecordArgs } from "./cloudflare-record";
import { phases, recordKey, type DnsValues, type Phase, type PlannedRecord } from "./record";
import { withWaitingChildren } from "../waiting-children";

/** Arguments of {@link CloudflareZone}. */
export interface CloudflareZoneArgs {
    /** What to publish, in one or more zones. */
    records: readonly PlannedRecord[];
    /** A value for every reference in the records. */
    values: DnsValues<pulumi.Input<string>>;
    /**
     * Marks the records as this stack's, at most 100 characters.
     *
     * @default `pulumi-mailhost/<project>/<stack>`
     */
    comment?: string;
    /**
     * Zone → its id at Cloudflare.
     *
     * @default looked up by the zone's name
     */
    zoneIds?: Readonly<Record<string, pulumi.Input<string>>>;
    /**
     * Tells components of one name apart: this one is then called `<name>-<phase>`, and its records as before, so that
     * a record may go from one to the other and stays the same.
     *
     * @default the component has the name itself
     */
    phase?: Phase;
    /**
     * Takes over records that `pulumi import` brought into the stack under their names and without a parent.
     *
     * @default false
     */
    adoptImported?: boolean;
}

/** The mark of the records that this stack publishes. */
export function stackComment(): string {
    return recordComment(pulumi.getProject(), pulumi.getStack());
}

/** The component's type; once, that of every phase was the one without. */
function typeOf(phase = ""): string {
    return `mailhost:index:CloudflareZone${phase.charAt(0).toUpperCase()}${phase.slice(1)}`;
}

/**
 * DNS records at Cloudflare, in zones that exist. Never proxied; marked by their comment.
 *
 * A record's resource is called `<name>-<type>-<owner name>-<role>`, e.g. `mail-dns-TXT-example.com-spf`: a contract,
 * whatever its content and whichever phase it is published in.
 *
 * @example
 * ```ts
 * import { CloudflareZone, planDnsRecords } from "pulumi-mailhost";
 *
 * const { records } = planDnsRecords({
 *     domain: "example.com",
 *     email: "you@example.net",
 *     issuer: "letsencrypt.org",
 * });
 * new CloudflareZone("mail-dns", {
 *     records: records.filter(({ phase }) => phase === "serving"),
 *     values: {},
 * });
 * ```
 *
 * @throws Error when a reference has no value. What Cloudflare refuses fails the `up`.
 */
export class CloudflareZone extends pulumi.ComponentResource {
    /** One for each record, in their order: what has to wait for the records depends on these. */
    readonly records: readonly cloudflare.DnsRecord[];

    constructor(name: string, args: CloudflareZoneArgs, opts?: pulumi.ComponentResourceOptions) {
        // The phase is a part of the type: with the name as it is, the children's begin with it, and a renamed ancestor's
        // alias reaches them.
        const { phase } = args;
        const former = phase && pulumi.createUrn(`${name}-${phase}`, typeOf(), opts?.parent);
        super(
            typeOf(phase),
            name,
            {},
            withWaitingChildren(pulumi.mergeOptions(opts, { aliases: former ? [former] : [] })),
        );
        // A record that goes from one phase to another is the same record.
        const parents = phase
            ? [undefined, ...phases.filter((other) => other !== phase)].map((other) =>
                  pulumi.createUrn(name, typeOf(other), opts?.parent),
              )
            : [];
        const { values, comment = stackComment() } = args;
        const zoneIds = new Map<string, pulumi.Input<string>>(Object.entries(args.zoneIds ?? {}));
        const zoneIdOf = (zone: string): pulumi.Input<string> => {
            const known = zoneIds.get(zone);
            if (known !== undefined) return known;
            const { zoneId } = cloudflare.getZoneOutput(
                { filter: { name: zone } },
                { parent: this },
            );
            zoneIds.set(zone, zoneId);
            return zoneId;
        };
        const child: pulumi.CustomResourceOptions = {
            parent: this,
            aliases: [
                ...parents.map((parent) => ({ parent })),
                ...(args.adoptImported ? [{ parent: pulumi.rootStackResource }] : []),
            ],
        };
        this.records = args.records.map(
            (record) =>
                new cloudflare.DnsRecord(
                    `${name}-${recordKey(record)}`,
                    cloudflareRecordArgs(record, {
                        zoneId: zoneIdOf(record.zone),
                        comment,
                        values,
                    }),
                    child,
                ),
        );
        this.registerOutputs();
    }
}
