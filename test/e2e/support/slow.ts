import type { Accelerator } from "../../../local/cloud/machines/qemu-command";

/** Set it to 1 to run what takes too long to be in everybody's way, as before a release. */
const variable = "MAILHOST_SLOW_TESTS";

/**
 * Why a test that takes long is not run here, to be shown; undefined when it was asked for.
 *
 * @param reason why it takes long.
 */
export function whyTooSlow(reason: string): string | undefined {
    return process.env[variable] === "1" ? undefined : `${reason}: ${variable}=1 runs it`;
}

/**
 * Why a test on a virtual machine is not run here; undefined where KVM boots machines.
 *
 * @param time what it takes where software emulates them.
 */
export function whyEmulated(accelerator: Accelerator | undefined, time: string) {
    if (accelerator === "kvm") return undefined;
    return whyTooSlow(`no KVM boots machines here, and emulation takes ${time}`);
}
