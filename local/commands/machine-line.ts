import type { KindChoice } from "../cloud/machines/choose-kind";
import type { CloudInfo } from "../paths";

/**
 * Which kind of machine it is, and why.
 *
 * @param choice made for the kind that was asked for, or that the laptop cloud has.
 * @param asked whether `--machine` is given.
 * @param before the laptop cloud that is there already: its disks fit no other kind.
 */
export function machineLine(choice: KindChoice, asked: boolean, before?: CloudInfo): string {
    if (!before || asked) return `Machine: ${choice.kind} (${choice.reason})`;
    const how = choice.accelerator === undefined ? "" : ` with ${accelerators[choice.accelerator]}`;
    return `Machine: ${choice.kind}${how}, since the laptop cloud that is here was made so (\`npm run local -- down --delete\` forgets it)`;
}

const accelerators = { kvm: "KVM", tcg: "software emulation" };
