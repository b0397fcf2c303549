import { renderCloudConfig, type CloudConfigValues } from "../host/cloud-config";
import type { HostPlan } from "../host/plan";
import type { Problem } from "../problem";

/** The limit of the Hetzner Cloud API: 32 KiB. */
const largestBytes = 32 * 1024;

/** Of the length that the real ones have at most: an ed25519 pair, a device of Hetzner's, both secrets. */
const standIns: Omit<CloudConfigValues, "authorizedKeys"> = {
    dataSizeGb: 10240,
    dataDevice: "/dev/disk/by-id/scsi-0HC_Volume_1234567890",
    hostKey: { privateKey: "k".repeat(420), publicKey: "k".repeat(82) },
    secrets: { authBasicPassword: "p".repeat(32), cloudflareApiToken: "t".repeat(64) },
};

/** Operators' keys are what can make user data too large; known before anything is made. */
export function userDataProblems(path: string, plan: HostPlan): Problem[] {
    const bytes = Buffer.byteLength(
        renderCloudConfig(plan, { ...standIns, authorizedKeys: ["k".repeat(82)] }),
    );
    if (bytes <= largestBytes) return [];
    return [
        {
            path: `${path}.authorizedKeys`,
            reason: `With these keys the server's user data has ${bytes} bytes; Hetzner takes ${largestBytes} (32 KiB).`,
            remedy: "Give fewer, and ed25519 keys, which are far shorter than RSA ones.",
        },
    ];
}
