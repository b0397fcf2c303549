import { composeFile, composeProject } from "../stack/compose";
import { causesTable } from "../stack/deploy-causes";
import { dataMountPoint } from "./data-volume";
import { libraryFolder } from "./library";
import type { HostFile } from "./plan";
import { hostFragment, hostTemplate } from "./template";

/** The command `mailhost` on the host: how it is, what it says, and the menu. */
export function hostCommandFiles(): HostFile[] {
    const shared = {
        DATA: dataMountPoint,
        PROJECT: composeProject,
        SERVICES: hostFragment("stack-services.sh"),
    };
    const program = (path: string, content: string): HostFile => ({
        ...{ path, mode: "0755", content },
        overSshOnly: true,
    });
    return [
        program("/usr/local/bin/mailhost", hostTemplate("mailhost.sh", { LIBRARY: libraryFolder })),
        program(
            `${libraryFolder}/status`,
            hostTemplate("status.sh", {
                ...shared,
                LIBRARY: libraryFolder,
                REPORT: hostFragment("status-report.sh"),
            }),
        ),
        program(
            `${libraryFolder}/logs`,
            hostTemplate("logs.sh", { ...shared, COMPOSE_FILE: composeFile }),
        ),
        {
            path: `${libraryFolder}/causes`,
            mode: "0644",
            content: causesTable(),
            overSshOnly: true,
        },
    ];
}
