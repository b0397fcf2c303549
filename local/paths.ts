import * as path from "node:path";
import type { ImageName } from "../components/stack/model";

/** The project's folder. */
export const projectRoot = path.resolve(__dirname, "..");

/** Everything that the laptop cloud makes: ignored by git, safe to delete after `npm run local -- down`. */
export const localRoot = path.join(projectRoot, ".local");

/** What is slow to make and shared by every laptop cloud of this checkout; rebuilt when its inputs change. */
export const cacheRoot = path.join(localRoot, "cache");

/** The folders and files of one laptop cloud. Tests run clouds of their own beside the user's `local`. */
export interface CloudPaths {
    root: string;
    /** Written by the daemon when it is ready, see {@link CloudInfo}. */
    info: string;
    /** The objects of the simulated hcloud API. */
    objects: string;
    /** The objects of the simulated DigitalOcean API. */
    digitalOceanObjects: string;
    /** The zones and records of the simulated Cloudflare API. */
    zones: string;
    /** What the DNS server keeps: its configuration, zone files and DNSSEC keys. */
    dns: string;
    /** Keys and certificates of the cloud's own authority. */
    authority: string;
    /** What the ACME server keeps. */
    acme: string;
    /** Every root under which the ACME server has issued, PEM. */
    acmeRoots: string;
    /** The image registry's configuration and log. */
    registry: string;
    daemonLog: string;
    machines: string;
    volumes: string;
    /** Pulumi's home, file backend, passphrase and stack file. */
    pulumi: string;
}

export function cloudPaths(name: string): CloudPaths {
    const root = path.join(localRoot, "clouds", name);
    return {
        root,
        info: path.join(root, "cloud.json"),
        objects: path.join(root, "objects.json"),
        digitalOceanObjects: path.join(root, "digitalocean-objects.json"),
        zones: path.join(root, "zones.json"),
        dns: path.join(root, "dns"),
        authority: path.join(root, "authority"),
        acme: path.join(root, "acme"),
        acmeRoots: path.join(root, "acme-roots.pem"),
        registry: path.join(root, "registry"),
        daemonLog: path.join(root, "daemon.log"),
        machines: path.join(root, "machines"),
        volumes: path.join(root, "volumes"),
        pulumi: path.join(root, "pulumi"),
    };
}

/** How a machine is made: QEMU, or systemd-nspawn in a network namespace. */
export type MachineKind = "vm" | "container";

/** What a running laptop cloud says of itself (`cloud.json`, 0600). */
export interface CloudInfo {
    name: string;
    kind: MachineKind;
    /** `kvm` or `tcg` for a VM. */
    accelerator?: "kvm" | "tcg";
    /** Which of the address blocks 198.18.N.0/24 and 2001:db8:N::/48 is this cloud's. */
    slot: number;
    pid: number;
    /** Base URL of the simulated Hetzner Cloud API, as this computer reaches it; ends in `/v1`. */
    hcloudEndpoint: string;
    /** 64 characters. */
    hcloudToken: string;
    /** Where this computer reaches the simulated DigitalOcean API; without `/v2`. */
    digitalOceanEndpoint: string;
    /** `dop_v1_` and 64 hexadecimal digits. */
    digitalOceanToken: string;
    /** Where machines reach the laptop cloud's services (package repository): `http://198.18.N.2:PORT`. */
    servicesUrl: string;
    /** Base URL of the simulated Cloudflare API, as this computer reaches it; ends in `/client/v4`. */
    cloudflareApi: string;
    /** 40 characters. */
    cloudflareToken: string;
    /** Where the DNS server answers this computer, UDP and TCP. */
    dns: { host: string; port: number };
    acme: {
        /** The ACME directory as machines reach it: `https://198.18.N.2:14000/dir`. */
        directory: string;
        /** The same as this computer reaches it. */
        localDirectory: string;
        /** PEM file of the authority that the directory's own certificate is of. */
        caFile: string;
        /** PEM file of every root that it has issued under in this cloud. */
        rootsFile: string;
        /** How long its certificates are valid from the start of the daemon on. */
        certificateSeconds: number;
    };
    /** The image registry, read-only. */
    registry: {
        /** As images are named and machines reach it: `198.18.N.2:5000`. */
        host: string;
        /** As this computer reaches it. */
        localHost: string;
        /** PEM file of the authority that its certificate is of. */
        caFile: string;
    };
    /** What the stack runs, pinned: `198.18.N.2:5000/repository:tag@sha256:…`. */
    images: Record<ImageName, string>;
    /** Where the mail server of `sink.test` answers this computer; machines reach it at port 25 of its name. */
    mailSink: { host: string; port: number };
    /** Added to ports below 1024 where an ordinary user may not bind them; 0 otherwise. */
    portOffset: number;
}

/** The environment variable that tells the simulated providers which cloud they act on: its `root`. */
export const cloudVariable = "MAILHOST_LAPTOP_CLOUD";
