import { cloudPaths, type MachineKind } from "../paths";
import { Account } from "./digitalocean/account";
import { Project } from "./hetzner/project";
import { createMachine } from "./machines/create-machine";
import type { ImageFiles, MachineSpec } from "./machines/machine";
import { slotAddresses } from "./network/addresses";
import type { MachineServices } from "./network/service-ports";
import type { AddressBlocks } from "./server-provider";

/** The hosts' addresses of one slot, a part for each provider; what lies below is this computer's and the services'. */
const hosts = {
    hetzner: { first: 10, last: 129 },
    digitalOcean: { first: 130, last: 250 },
};

/** Opens the objects of the simulated providers, with real machines behind their servers. One process at a time. */
export function openProviders(options: {
    name: string;
    kind: MachineKind;
    slot: number;
    portOffset: number;
    servicesPort: number;
    /** Needed only where machines are started. */
    services?: MachineServices;
    images: readonly ImageFiles[];
}): { hetzner: Project; digitalOcean: Account } {
    const { name, kind, slot, servicesPort, services, portOffset } = options;
    const paths = cloudPaths(name);
    const { ipv4Network, ipv6Network } = slotAddresses(slot);
    const shared = {
        machinesDirectory: paths.machines,
        volumesDirectory: paths.volumes,
        images: options.images,
        createMachine: (spec: MachineSpec) =>
            createMachine(kind, spec, { slot, servicesPort, services, portOffset }),
    };
    const addresses = ({ first, last }: { first: number; last: number }): AddressBlocks => ({
        size: last - first + 1,
        ipv4: (index) => ipv4Network.replace(/0\/24$/, String(first + index)),
        ipv6: (index) => ipv6Network.replace(/::\/48$/, `:${(first + index).toString(16)}::/64`),
    });
    return {
        hetzner: new Project({
            ...shared,
            objectsFile: paths.objects,
            architecture: process.arch === "arm64" ? "arm" : "x86",
            addresses: addresses(hosts.hetzner),
        }),
        digitalOcean: new Account({
            ...shared,
            objectsFile: paths.digitalOceanObjects,
            addresses: addresses(hosts.digitalOcean),
        }),
    };
}
