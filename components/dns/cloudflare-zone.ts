import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { recordComment } from "./cloudflare-arguments";
import { cloudflareRecordArgs } from "./cloudflare-record";
import { phasesOf, recordKey, type DnsValues, type Phase, type PlannedRecord } from "./record";
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
     * Tells the components of one plan apart, which have one name: it is a part of the type. A record whose phase
     * follows from a setting may go from one to the other and stays the same.
     *
     * @default the component is of type `mailhost:index:CloudflareZone`
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

/**
 * The phase is a part of the type, not of the name: the children's names begin with that, and only so does a renamed
 * ancestor's alias reach them.
 */
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
        const { phase } = args;
        super(typeOf(phase), name, {}, withWaitingChildren(opts));
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
        // Only where a record may have stood elsewhere: with one for every record, a preview takes half as long again.
        const aliasesOf = (record: PlannedRecord): pulumi.Alias[] => [
            ...(phase === undefined ? [] : phasesOf(record))
                .filter((other) => other !== phase)
                .map((other) => ({ parent: pulumi.createUrn(name, typeOf(other), opts?.parent) })),
            ...(args.adoptImported ? [{ parent: pulumi.rootStackResource }] : []),
        ];
        this.records = args.records.map(
            (record) =>
                new cloudflare.DnsRecord(
                    `${name}-${recordKey(record)}`,
                    cloudflareRecordArgs(record, {
                        zoneId: zoneIdOf(record.zone),
                        comment,
                        values,
                    }),
                    { parent: this, aliases: aliasesOf(record) },
                ),
        );
        this.registerOutputs();
    }
}
