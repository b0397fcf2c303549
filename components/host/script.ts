import { commandLine, withInput } from "./here-document";
import type { HostFile, HostPlan, SecretName } from "./plan";
import { sealScript } from "./seal";
import { shellQuote } from "./shell-quote";
import { hostTemplate } from "./template";

/** The first lines of every script that is sent to a host. */
export const scriptHead = "#!/bin/bash\nset -euo pipefail\numask 022\n";

/** What is known only when the script is rendered. */
export interface HostScriptValues {
    /** The data volume's device on the host, e.g. `/dev/disk/by-id/scsi-0HC_Volume_1`; on the root disk the mount point. */
    dataDevice: string;
    /** The size in GB that the device is to have; with a larger one the file system grows. @default as it is */
    dataSizeGb?: number;
    /** Used only where the plan's `secretDelivery` is `user-data`; one that is missing leaves its line out. */
    secrets?: Partial<Record<SecretName, string>>;
}

/** The file's whole text, or undefined when all that it would hold is a secret that was not given. */
function fileContent(file: HostFile, secrets: HostScriptValues["secrets"]): string | undefined {
    if (file.secretLine === undefined) return file.content;
    const { secret, prefix, quoting } = file.secretLine;
    const value = secrets?.[secret];
    if (value === undefined) return file.content === "" ? undefined : file.content;
    return `${file.content}${prefix}${quoting === "shell" ? shellQuote(value) : value}\n`;
}

const call = (...words: (string | number)[]) => commandLine(words);

function put(file: HostFile, secrets: HostScriptValues["secrets"]): string[] {
    const content = fileContent(file, secrets);
    if (content === undefined) return [];
    const effect = file.effect ? `${file.effect.verb}:${file.effect.unit}` : "";
    return [withInput(["put", file.path, file.mode, file.check ?? "", effect], content)];
}

function aptSourceFile(source: HostPlan["aptSources"][number]): HostFile {
    const { name, uri, suite, component } = source;
    return {
        path: `/etc/apt/sources.list.d/${name}.sources`,
        mode: "0644",
        content: [
            "Types: deb",
            `URIs: ${uri}`,
            `Suites: ${suite}`,
            `Components: ${component}`,
            `Signed-By: /etc/apt/keyrings/${name}.asc`,
            "",
        ].join("\n"),
    };
}

/**
 * The host script without its beginning and end, for a script that does something before it.
 *
 * @returns functions and calls, whole lines; needs `apply.sh` before it. Secrets stand in here-documents only, which `set -x` does not print.
 */
export function hostScriptBody(
    plan: HostPlan,
    values: HostScriptValues,
    { firstBoot = false }: { firstBoot?: boolean } = {},
): string {
    const { dataVolume, swap } = plan;
    const files: HostFile[] = [
        { path: dataVolume.deviceFile, mode: "0644", content: `${values.dataDevice}\n` },
        ...plan.files.filter(({ overSshOnly }) => !firstBoot || overSshOnly !== true),
    ];
    const place = (chosen: HostFile[]) => chosen.flatMap((file) => put(file, values.secrets));
    const steps = [
        ...(firstBoot ? ["leave_what_was_set_up"] : []),
        "prepare_state",
        ...(firstBoot
            ? []
            : [
                  call(
                      "keep_data_device",
                      values.dataDevice,
                      dataVolume.mountPoint,
                      // A rented server's volume is replaced together with what was noted of it.
                      plan.awaitsFirstBoot ? "" : dataVolume.deviceFile,
                  ),
              ]),
        call("set_host_name", plan.hostname, plan.fqdn),
        call("mask_units", ...plan.units.masked),
        ...place(files.filter((file) => file.check === undefined)),
        "apply_effects",
        ...plan.aptSources.flatMap((source) => [
            call("fetch_key", source.name, source.keyUrl, source.keyFingerprint),
            ...place([aptSourceFile(source)]),
        ]),
        call("install_packages", ...plan.packages),
        ...place(files.filter((file) => file.check !== undefined)),
        ...plan.sysctls.map(({ key, value, hostOnly }) =>
            call("set_sysctl", key, value, hostOnly ? "yes" : "no"),
        ),
        "remove_stale_files",
        "apply_effects",
        call("enable_units", ...plan.units.enabled),
        call("add_swap", swap.file, swap.unit, swap.sizeMib, swap.belowMemoryKib),
        call(
            "use_data_volume",
            dataVolume.mountPoint,
            dataVolume.mountUnit,
            dataVolume.prepareUnit,
            dataVolume.deviceFile,
        ),
        call("grow_file_system", dataVolume.deviceFile, values.dataSizeGb ?? 0),
        ...dataVolume.folders.map(({ path, mode }) =>
            call("make_data_folder", `${dataVolume.mountPoint}/${path}`, mode),
        ),
        ...plan.dataUnits.map((unit) => call("start_data_unit", unit)),
        "finish",
    ];
    return [
        hostTemplate("packages.sh"),
        hostTemplate("data-device.sh"),
        hostTemplate("volume.sh"),
        "apply_host() {",
        ...steps,
        "}",
        plan.debug ? "with_log apply_host" : "apply_host",
        "",
    ].join("\n");
}

/**
 * What first boot does, as a bash script: run twice it changes nothing, killed and run again it converges. On a host
 * that was set up it does nothing, since the plan that it holds may be an old one.
 *
 * @returns a whole script, whose last line is the end marker.
 */
export function renderHostScript(plan: HostPlan, values: HostScriptValues): string {
    return sealScript(
        scriptHead + hostTemplate("apply.sh") + hostScriptBody(plan, values, { firstBoot: true }),
    );
}
