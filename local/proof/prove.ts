import * as path from "node:path";
import { sinkLogName } from "../cloud/sink/sink-log";
import type { LocalStack } from "../engine/stack";
import { cloudPaths } from "../paths";
import type { LocalStatus } from "../status";
import { readAccounts } from "./accounts";
import { mailProofs } from "./mail-proofs";
import { MailSite } from "./mail-site";
import { Outside } from "./outside";
import { runProofs, type Proof } from "./proof";
import type { ProofContext } from "./proof-context";
import { enterSecondPhase, firstPhaseProofs, isSecondPhase, valuesRead } from "./second-phase";
import { sendingProofs } from "./sending-proofs";
import { servedProofs } from "./served-proofs";
import { webProofs } from "./web-proofs";

/** The `pulumi up` that publishes what the host has told. */
export const secondUp = "second pulumi up";

export interface ProveOptions {
    /** The laptop cloud's name. */
    cloud: string;
    status: LocalStatus;
    stack: LocalStack;
    /** `pulumi up`; returns what it did. @throws Error when it fails. */
    up: () => Promise<string>;
}

/**
 * Proves from outside what the host is for: a mail comes in and is read, another goes out and is what a careful receiver
 * takes. What was made once (administrator, mailbox, inputs of the second phase) is used again.
 */
export async function prove({ cloud, status, stack, up }: ProveOptions): Promise<Proof[]> {
    const outside = Outside.of(status);
    if (!status.webAuth) throw new Error("The stack has no outputs authBasic….");
    const context: ProofContext = {
        ...{ cloud, outside, webAuth: status.webAuth },
        site: new MailSite(outside),
        sinkLog: path.join(cloudPaths(cloud).root, sinkLogName),
        accounts: readAccounts(cloud),
    };
    const first = await runProofs([
        ...webProofs(context),
        ...mailProofs(context),
        ...firstPhaseProofs(context, stack),
    ]);
    const second = await proveSecondUp(context, { stack, up });
    const before = [...first, ...second];
    const last = await runProofs(
        [...sendingProofs(context, [valuesRead, secondUp]), ...servedProofs(context)],
        before,
    );
    return [...before, ...last];
}

/** Runs outside of the list of steps, because it shows its own progress. */
async function proveSecondUp(
    context: ProofContext,
    { stack, up }: Pick<ProveOptions, "stack" | "up">,
): Promise<Proof[]> {
    if (!context.domainValues) return [];
    const name = secondUp;
    if (isSecondPhase(context, stack)) {
        return [{ name, ok: true, detail: "not needed: the stack has the values", seconds: 0 }];
    }
    const began = Date.now();
    const proof = (ok: boolean, detail: string): Proof[] => [
        { name, ok, detail, seconds: Math.round((Date.now() - began) / 100) / 10 },
    ];
    try {
        await enterSecondPhase(context, stack);
        return proof(true, `with the domain's values: ${await up()}`);
    } catch (error) {
        return proof(false, error instanceof Error ? error.message : String(error));
    }
}
