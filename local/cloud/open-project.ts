import { cloudPaths, type MachineKind } from "../paths";
import { Project } from "./hetzner/project";
import { createMachine } from "./machines/create-machine";
import type { ImageFiles } from "./machines/machine";
import { slotAddresses } from "./network/addresses";
import type { MachineServices } from "./network/service-ports";

/** Primary IPs of one slot; what lies below is this computer's and the services'. */
const firstHost = 10;
const lastHost = 250;

/** Opens the objects of a laptop cloud, with real machines behind its servers. One process at a time. */
export function openProject(options: {
    name: string;
    kind: MachineKind;
    slot: number;
    portOffset: number;
    servicesPort: number;
    /** Needed only where machines are started. */
    services?: MachineServices;
    images: readonly ImageFiles[];
}): Project {
    const { name, kind, slot, servicesPort, services, portOffset } = options;
    const paths = cloudPaths(name);
    const { ipv4Network, ipv6Network } = slotAddresses(slot);
    return new Project({
        objectsFile: paths.objects,
        machinesDirectory: paths.machines,
        volumesDirectory: paths.volumes,
        architecture: process.arch === "arm64" ? "arm" : "x86",
        images: options.images,
        addresses: {
            size: lastHost - firstHost + 1,
            ipv4: (index) => ipv4Network.replace(/0\/24$/, String(firstHost + index)),
            ipv6: (index) =>
                ipv6Network.replace(/::\/48$/, `:${(firstHost + index).toString(16)}::/64`),
        },
        createMachine: (spec) =>
            createMachine(kind, spec, { slot, servicesPort, services, portOffset }),
    });
}
