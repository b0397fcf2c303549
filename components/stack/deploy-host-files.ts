import { dataMountPoint } from "../host/data-volume";
import type { HostFile } from "../host/plan";
import { hostTemplate } from "../host/template";
import { composeFile, composeProject } from "./compose";

/** Programs of the host that others than their own unit call. */
export const libraryFolder = "/usr/local/lib/mailhost";

/** The unit that starts the stack at boot and stops it before the host goes down. A deployment enables it. */
export const stackUnit = "mailhost-stack.service";

/** A script without the line that is for its linter. */
function fragment(name: string): string {
    return hostTemplate(name)
        .replace(/^# shellcheck .*\n+/, "")
        .trimEnd();
}

/** What starts and stops the stack on the host without a deployment. */
export function stackHostFiles(): HostFile[] {
    return [
        {
            path: `${libraryFolder}/stack`,
            mode: "0755",
            content: hostTemplate("stack.sh", {
                DATA: dataMountPoint,
                PROJECT: composeProject,
                COMPOSE_FILE: composeFile,
                ENV_VALUE: fragment("stack-env.sh"),
                LEFTOVERS: fragment("stack-leftovers.sh"),
            }),
        },
        {
            path: `/etc/systemd/system/${stackUnit}`,
            mode: "0644",
            content: hostTemplate("mailhost-stack.service", { DATA: dataMountPoint }),
        },
    ];
}
