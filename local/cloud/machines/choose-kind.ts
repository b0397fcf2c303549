import * as fs from "node:fs";
import { runQuietly } from "../../../cli/run-program";
import type { MachineKind } from "../../paths";
import { unifiedHierarchy } from "./control-group";
import { probeKvm, type KvmProbe } from "./kvm-probe";
import type { Accelerator } from "./qemu-command";

export interface KindChoice {
    kind: MachineKind;
    /** Of a VM. */
    accelerator?: Accelerator;
    /** Why this kind: a phrase to stand in brackets. */
    reason: string;
}

/** What the choice is made from. */
export interface Computer {
    kvm: KvmProbe;
    /** Why container machines can't be made here; undefined when they can. */
    containerObstacle?: string;
}

/**
 * Chooses how machines are made: a VM where KVM really boots one, else a container as root on Linux, else a VM under
 * software emulation. Programs that are missing don't count as root, who can install them.
 *
 * @param forced the kind that the user asks for, or that the laptop cloud has.
 * @param isThere whether the laptop cloud is there already: its disks fit no other kind.
 * @throws Error when that can't be had here.
 */
export async function chooseKind(forced?: MachineKind, isThere = false): Promise<KindChoice> {
    const [kvm, containerObstacle] = await Promise.all([probeKvm(), findContainerObstacle()]);
    return decideKind({ kvm, containerObstacle }, forced, isThere);
}

export function decideKind(
    { kvm, containerObstacle }: Computer,
    forced?: MachineKind,
    isThere = false,
): KindChoice {
    const accelerator = kvm.boots ? "kvm" : "tcg";
    if (forced === "container") {
        if (containerObstacle !== undefined) {
            throw new Error(
                isThere
                    ? `The laptop cloud that is here has a container machine, which can't run now: ${containerObstacle}. Go on as the user who made it; or delete it (\`npm run local -- down --delete\`), then use --machine vm.`
                    : `A container machine can't be made here: ${containerObstacle}. Use --machine vm, or leave the choice to the program.`,
            );
        }
        return { kind: "container", reason: "asked for" };
    }
    if (forced === "vm") {
        const how = kvm.boots ? "with KVM" : `without KVM, since ${kvm.reason}`;
        return { kind: "vm", accelerator, reason: `asked for; ${how}` };
    }
    if (kvm.boots) return { kind: "vm", accelerator, reason: "KVM boots a guest" };
    if (containerObstacle === undefined) {
        return {
            kind: "container",
            reason: `no KVM, since ${kvm.reason}; root may use namespaces`,
        };
    }
    return {
        kind: "vm",
        accelerator,
        reason: `software emulation, which is slow: no KVM, since ${kvm.reason}; no container, since ${containerObstacle}`,
    };
}

async function findContainerObstacle(): Promise<string | undefined> {
    if (process.platform !== "linux") return "this is not Linux";
    if (process.getuid?.() !== 0) return "you are not root";
    if (unifiedHierarchy() === undefined) return "no control groups of version 2 are mounted";
    if (!fs.existsSync("/dev/loop-control")) return "there are no loop devices";
    const { code } = await runQuietly("unshare", ["--mount", "--net", "true"]);
    return code === 0 ? undefined : "this root may not make namespaces";
}
