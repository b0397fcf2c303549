import { dataMountPoint } from "../host/data-volume";
import { libraryFolder } from "../host/library";
import type { HostFile } from "../host/plan";
import { hostFragment, hostTemplate } from "../host/template";
import { composeFile, composeProject } from "./compose";

/** The unit that starts the stack at boot and stops it before the host goes down. A deployment enables it. */
export const stackUnit = "mailhost-stack.service";

/** What starts and stops the stack on the host without a deployment. */
export function stackHostFiles(): HostFile[] {
    return [
        {
            path: `${libraryFolder}/stack`,
            mode: "0755",
            overSshOnly: true,
            content: hostTemplate("stack.sh", {
                DATA: dataMountPoint,
                PROJECT: composeProject,
                COMPOSE_FILE: composeFile,
                ENV_VALUE: hostFragment("stack-env.sh"),
                LEFTOVERS: hostFragment("stack-leftovers.sh"),
            }),
        },
        {
            path: `/etc/systemd/system/${stackUnit}`,
            mode: "0644",
            content: hostTemplate("mailhost-stack.service", { DATA: dataMountPoint }),
        },
    ];
}
