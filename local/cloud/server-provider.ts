import * as fs from "node:fs";
import * as path from "node:path";
import ipaddr from "ipaddr.js";
import type { FileStore } from "./file-store";
import type { ImageFiles } from "./machines/machine";
import { MachinePark, type MachineFactory } from "./machines/machine-park";

/** A server as the rest of the laptop cloud sees it. */
export interface LentServer {
    id: number;
    name: string;
    ipv4?: string;
    /** The host's own address, `<prefix>::1`. */
    ipv6?: string;
    /** Whether it was switched on last; it may be off all the same, when its system shut itself down. */
    poweredOn: boolean;
}

/** A volume as the rest of the laptop cloud sees it. */
export interface LentVolume {
    id: number | string;
    name: string;
    server: number | null;
    /** How often it was detached from a machine that had it mounted. A cloud does so without a word; data is lost. */
    detachedWhileMounted: number;
}

/** An address and its name, without a trailing dot. */
export interface Pointer {
    ip: string;
    dns_ptr: string;
}

/** Hands out addresses. `index` grows with each one and wraps at `size`. */
export interface AddressBlocks {
    size: number;
    ipv4(index: number): string;
    /** A network of 64 bits: `2001:db8:1:a::/64`. */
    ipv6(index: number): string;
}

/** What a simulated provider stands on. */
export interface ProviderOptions {
    objectsFile: string;
    machinesDirectory: string;
    volumesDirectory: string;
    /** The images that boot here. */
    images: readonly ImageFiles[];
    /** The provider's own part of the cloud's address blocks. */
    addresses: AddressBlocks;
    createMachine: MachineFactory;
}

type Store = Pick<
    FileStore<Record<never, never>, never>,
    "bootId" | "setBootId" | "takeAddressIndex"
>;

/** How long a system may take to shut down before its power goes. */
const shutdownSeconds = 60;

/** A simulated provider of servers: its objects, and the machines behind its servers. Ids of servers differ between providers. */
export abstract class ServerProvider<S extends Store = Store> {
    /** As `mailhost:server.provider` has it. */
    abstract readonly name: string;
    readonly park: MachinePark;

    constructor(
        readonly options: ProviderOptions,
        readonly store: S,
    ) {
        this.park = new MachinePark(options.createMachine);
    }

    abstract servers(): LentServer[];
    abstract volumes(): LentVolume[];
    /** The PTR records of all addresses. */
    abstract pointers(): Pointer[];
    /** What the metadata service answers this server for the path of a URL; undefined where it has nothing. */
    abstract metadata(server: LentServer, path: string): string | undefined;
    /** Begins to switch a server on. */
    protected abstract startServer(id: number): void;

    /** The server that has an address. */
    serverAt(address: ipaddr.IPv4 | ipaddr.IPv6): LentServer | undefined {
        const text = address.toString();
        return this.servers().find(({ ipv4, ipv6 }) => ipv4 === text || ipv6 === text);
    }

    /** Resolves when no action and no work on a machine is under way. */
    idle(): Promise<void> {
        return this.park.idle();
    }

    /** Shuts every machine down and frees what it holds of this computer; its disk and its objects stay. */
    async powerDown(): Promise<void> {
        await this.idle();
        this.store.setBootId(null);
        await Promise.all(
            this.servers().map(({ id }) =>
                this.park.use(id, async (machine) => {
                    if (machine.isRunning()) await machine.shutdown(shutdownSeconds);
                    await machine.destroy();
                }),
            ),
        );
    }

    /**
     * Switches on, in the background, what was on when the cloud was powered down or the computer itself ended. In any
     * other case a machine that does not run was ended on purpose, and stays off.
     *
     * @param bootId differs after each start of the computer.
     */
    powerUp(bootId: string): void {
        const before = this.store.bootId;
        this.store.setBootId(bootId);
        if (before === bootId) return;
        for (const { id, poweredOn } of this.servers()) {
            if (poweredOn && !this.park.isRunning(id)) this.startServer(id);
        }
    }

    /** The image of a server. One that is no longer there boots nothing, but what was made from it can still be ended. */
    protected imageOf(made: Pick<ImageFiles, "id" | "description" | "architecture">): ImageFiles {
        return (
            this.options.images.find(({ id }) => id === made.id) ?? {
                ...made,
                rootDisk: "",
                packages: { path: "", suite: "" },
            }
        );
    }

    machineDirectory(id: number): string {
        return path.join(this.options.machinesDirectory, `server-${id}`);
    }

    protected makeMachineDirectory(id: number): string {
        const directory = this.machineDirectory(id);
        fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
        return directory;
    }

    /** @param number differs between the volumes of all providers. */
    protected volumeImage(number: number): string {
        return path.join(this.options.volumesDirectory, `volume-${number}.img`);
    }

    /** An address that is not taken, or undefined when all are. */
    protected untakenAddress(
        type: "ipv4" | "ipv6",
        taken: ReadonlySet<string>,
    ): string | undefined {
        const { addresses } = this.options;
        for (let tries = 0; tries < addresses.size; tries++) {
            const index = this.store.takeAddressIndex() % addresses.size;
            const address = addresses[type](index);
            if (!taken.has(address)) return address;
        }
        return undefined;
    }
}

/** The address that a server gives itself in its IPv6 network: `<prefix>::1`. */
export function hostAddress(network: string): string {
    const [address] = ipaddr.IPv6.parseCIDR(network);
    return new ipaddr.IPv6([...address.parts.slice(0, 7), 1]).toString();
}
