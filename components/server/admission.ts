import * as ipaddr from "ipaddr.js";
import { dataDeviceFile, dataMountPoint } from "../host/data-volume";
import { assignments, withInput } from "../host/here-document";
import { systems } from "../host/plan";
import { scriptHead } from "../host/script";
import { sealScript } from "../host/seal";
import { hostTemplate } from "../host/template";
import { composeProject } from "../stack/compose";
import { canonicalAddress, type ExistingArgs } from "./existing-arguments";
import type { ServerPlan } from "./server";

/** What an existing machine is compared with. */
export type AdmissionArgs = Pick<
    ExistingArgs,
    "ipv4" | "ipv6" | "system" | "sshAllowedCidrs" | "dataDevice" | "memoryMb"
> & { plan: Pick<ServerPlan, "fqdn" | "host" | "openTcpPorts" | "boundTcpPorts"> };

const parts = [
    "listeners.sh",
    "data-device.sh",
    "is-blank.sh",
    "admission.sh",
    "admission-firewall.sh",
];

/**
 * Looks at a machine before anything is changed on it, and fails with everything that keeps it from becoming the host. A
 * machine that was set up as this host before passes.
 *
 * @returns a whole script, whose last line is the end marker. It holds no secret.
 */
export function admissionScript(args: AdmissionArgs): string {
    const { plan } = args;
    const paths = plan.host.files.map(({ path }) => `${path}\n`).join("");
    return sealScript(
        [
            scriptHead,
            assignments({
                root: "",
                project: composeProject,
                system: args.system,
                systems: systems.join(" "),
                fqdn: plan.fqdn,
                ipv4: canonicalAddress(args.ipv4),
                ipv6: args.ipv6 === undefined ? "" : canonicalAddress(args.ipv6),
                ports: [...new Set([...plan.openTcpPorts, ...(plan.boundTcpPorts ?? [])])]
                    .sort((a, b) => a - b)
                    .join(" "),
                packages: plan.host.packages.join(" "),
                mount_point: dataMountPoint,
                device_file: dataDeviceFile,
                data_device: args.dataDevice ?? "",
                described_memory_mib: args.memoryMb ?? 0,
                ssh_blocks: (args.sshAllowedCidrs ?? []).map(blockBits).join(" "),
            }),
            ...parts.map((name) => hostTemplate(name)),
            "planned_files() {\n",
            withInput(["cat"], paths),
            "\n}\n",
            "admit\n",
        ].join(""),
    );
}

/** The family of a block and the bits of its prefix: `4:11001011` is 203.0.0.0/8. */
export function blockBits(cidr: string): string {
    const [address, length] = ipaddr.parseCIDR(cidr);
    const bits = address
        .toByteArray()
        .map((byte) => byte.toString(2).padStart(8, "0"))
        .join("");
    return `${address.kind() === "ipv4" ? 4 : 6}:${bits.slice(0, length)}`;
}
