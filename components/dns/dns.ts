import type * as pulumi from "@pulumi/pulumi";
import type { Problem } from "../problem";
import type { DnsPlan, DnsValues, Phase } from "./record";

/** A choice of who holds the zones: `cloudflare({…})` is one. */
export interface DnsAdapter {
    /** Whether the zones are signed by DNSSEC: TLSA and SSHFP records are worth nothing without it. */
    signed: boolean;
    /**
     * Token of Cloudflare with which the host may answer the certificate authority in the zones (RFC 8555 §8.4). Secret.
     *
     * @default none: the arguments have to name one
     */
    challengeToken?: pulumi.Input<string>;
    /** Everything that the provider would refuse. `path` stands before each of the adapter's arguments, e.g. `dns`. */
    problems(path: string, plan: DnsPlan): Problem[];
    /** Looks the plan's zones up, once. Nothing is written yet. */
    open(name: string, plan: DnsPlan, opts: pulumi.ComponentResourceOptions): DnsWriter;
}

/** Publishes the records of one plan, a phase at a time. */
export interface DnsWriter {
    /**
     * Publishes the records of a phase. Called at most once for each.
     *
     * @param values for every reference in the phase's records.
     * @returns what to wait for until they are published.
     */
    write(
        phase: Phase,
        values: DnsValues<pulumi.Input<string>>,
        opts: pulumi.ComponentResourceOptions,
    ): pulumi.Resource[];
    /** Signed zone → its DS record in presentation form, for the registrar. Empty when none is signed. */
    ds: pulumi.Output<Record<string, string>>;
    /** What the operator has to do about the zones, a sentence each. */
    nextSteps: pulumi.Output<string[]>;
}
