import * as fs from "node:fs";
import * as path from "node:path";
import { stringify } from "yaml";
import { cloudflarePrefix } from "../cloudflare/api";
import { slotAddresses } from "../network/addresses";
import { servicePorts, type MachineServices } from "../network/service-ports";
import type { MachineSpec } from "./machine";

/** What the network configuration needs beyond the spec: how this kind of machine reaches its router. */
export interface SeedNetwork {
    slot: number;
    /** The port of the package repository on the services' address. */
    servicesPort: number;
    services?: MachineServices;
    gateway: { ipv4: string; ipv6: string };
    /** How it reaches the DNS server, which its resolver has to be told where UDP does not pass. */
    dnsOver: "udp" | "tcp";
}

type SeedSpec = Pick<MachineSpec, "id" | "name" | "userData" | "publicKeys" | "ipv4" | "ipv6"> & {
    image: Pick<MachineSpec["image"], "packages">;
};

/** The files of cloud-init's NoCloud data source, by name. */
export function renderSeed(spec: SeedSpec, network: SeedNetwork): Record<string, string> {
    return {
        "meta-data": toYaml({
            "instance-id": String(spec.id),
            "local-hostname": spec.name,
            "public-keys": spec.publicKeys,
        }),
        "user-data": spec.userData,
        "vendor-data": renderVendorData(spec, network),
        "network-config": toYaml(renderNetworkConfig(spec, network.gateway)),
    };
}

/** cloud-init reads YAML 1.1, where a plain `no` is false. */
function toYaml(value: object): string {
    return stringify(value, { version: "1.1" });
}

/** Writes the seed for cloud-init; only its owner reads it, since user data holds the host's private key. */
export function writeSeed(folder: string, files: Record<string, string>): void {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const [name, content] of Object.entries(files)) {
        fs.writeFileSync(path.join(folder, name), content, { mode: 0o600 });
    }
}

/**
 * Names the package repository and the services. A boothook, because it runs before everything that user data can ask
 * for and, unlike keys of a cloud-config, is not replaced by keys of the user's.
 */
function renderVendorData(spec: SeedSpec, network: SeedNetwork): string {
    const { slot, servicesPort, services } = network;
    const { packages } = spec.image;
    const { ipv4, ipv6 } = slotAddresses(slot).services;
    const lines = [
        "#cloud-boothook",
        "#!/bin/sh",
        ...writeFile("/etc/apt/sources.list.d/laptop-cloud.sources", [
            "Types: deb",
            `URIs: http://${ipv4}:${servicesPort}/${packages.path}`,
            `Suites: ${packages.suite}`,
            "Components: main",
            "Signed-By: /usr/share/keyrings/laptop-cloud.asc",
        ]),
    ];
    if (services) {
        lines.push(
            // Docker reads it at each pull.
            ...writeFile(`/etc/docker/certs.d/${ipv4}:${servicePorts.registry}/ca.crt`, [
                services.authority.trimEnd(),
            ]),
            // Certbot's Cloudflare library asks there instead of https://api.cloudflare.com.
            ...writeFile("/root/.cloudflare/cloudflare.cfg", [
                "[CloudFlare]",
                `base_url = http://${ipv4}:${servicesPort}${cloudflarePrefix}`,
            ]),
            // Not through systemd-resolved, to which it may be a link: a rehearsal can't wait until a cache forgets what
            // was not published yet.
            "rm -f /etc/resolv.conf",
            ...writeFile("/etc/resolv.conf", [
                `nameserver ${spec.ipv4 ? ipv4 : ipv6}`,
                ...(network.dnsOver === "tcp" ? ["options use-vc"] : []),
            ]),
        );
    }
    return [...lines, ""].join("\n");
}

/** Commands that write a file of which nothing is secret. */
function writeFile(file: string, content: string[]): string[] {
    return [`mkdir -p '${path.dirname(file)}'`, `cat >'${file}' <<'END'`, ...content, "END"];
}

/** Version 1, whose gateways cloud-init marks as on-link by itself where they are in no network of the machine's. */
function renderNetworkConfig(spec: SeedSpec, gateway: SeedNetwork["gateway"]): object {
    const subnets = [];
    if (spec.ipv4) {
        subnets.push({ type: "static", address: `${spec.ipv4}/32`, gateway: gateway.ipv4 });
    }
    if (spec.ipv6) {
        subnets.push({ type: "static6", address: `${spec.ipv6}/64`, gateway: gateway.ipv6 });
    }
    return {
        version: 1,
        config: [{ type: "physical", name: "eth0", "accept-ra": false, subnets }],
    };
}
