import { renderCloudConfig, type CloudConfigValues } from "../host/cloud-config";
import type { HostPlan } from "../host/plan";
import type { Problem } from "../problem";

/** How much user data a provider takes. */
export interface UserDataLimit {
    /** As it is called in a sentence. */
    provider: string;
    largestKib: number;
    /** The longest path that a data volume can have on its hosts. */
    dataDevice: string;
}

/** Of the length that the real ones have at most: an ed25519 pair, both secrets. */
const standIns: Omit<CloudConfigValues, "authorizedKeys" | "dataDevice"> = {
    dataSizeGb: 16384,
    hostKey: { privateKey: "k".repeat(420), publicKey: "k".repeat(82) },
    secrets: { authBasicPassword: "p".repeat(32), cloudflareApiToken: "t".repeat(64) },
};

/** Operators' keys are what can make user data too large; known before anything is made. */
export function userDataProblems(
    path: string,
    plan: HostPlan,
    { provider, largestKib, dataDevice }: UserDataLimit,
): Problem[] {
    const largest = largestKib * 1024;
    const bytes = Buffer.byteLength(
        renderCloudConfig(plan, { ...standIns, dataDevice, authorizedKeys: ["k".repeat(82)] }),
    );
    if (bytes <= largest) return [];
    return [
        {
            path: `${path}.authorizedKeys`,
            reason: `With these keys the server's user data has ${bytes} bytes; ${provider} takes ${largest} (${largestKib} KiB).`,
            remedy: "Give fewer, and ed25519 keys, which are far shorter than RSA ones.",
        },
    ];
}
