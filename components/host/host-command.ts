import { composeFile, composeProject } from "../stack/compose";
import { causesTable } from "../stack/deploy-causes";
import { dataMountPoint } from "./data-volume";
import { libraryFolder } from "./library";
import type { ExistingMachine, HostFile } from "./plan";
import { hostFragment, hostTemplate } from "./template";

/** What makes room for the data; nobody here can enlarge a disk of a machine that was not rented here. */
const enlarge = {
    rented: "enlarge it (mailhost:server.volumeSizeGb), then pulumi up",
    device: "enlarge the disk where the machine is rented, then resize2fs \\$(cat /etc/mailhost/data-device) on the host",
    "root-disk":
        "it is the system disk: docker system df and du -xh / show what takes it; a larger one comes from where the machine is rented",
};

/** The command `mailhost` on the host: how it is, what it says, and the menu. */
export function hostCommandFiles(existing?: ExistingMachine): HostFile[] {
    // Besides the one on services, which others share.
    const statusParts = [
        hostFragment("status-services.sh"),
        hostFragment("status-system.sh", { ENLARGE: enlarge[existing?.data ?? "rented"] }),
        hostFragment("status-report.sh"),
    ];
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
                PARTS: statusParts.join("\n\n"),
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
