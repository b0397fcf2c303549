import type { MachineKind } from "../../paths";
import { ContainerMachine } from "./container";
import type { Machine, MachineOptions, MachineSpec } from "./machine";
import { VirtualMachine } from "./vm";

/** Makes the object for a machine; one that runs already is found running. */
export function createMachine(
    kind: MachineKind,
    spec: MachineSpec,
    options: MachineOptions,
): Machine {
    switch (kind) {
        case "vm":
            return new VirtualMachine(spec, options);
        case "container":
            return new ContainerMachine(spec, options);
    }
}
