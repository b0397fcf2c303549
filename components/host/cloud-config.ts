import { gzipSync } from "node:zlib";
import { stringify } from "yaml";
import type { HostPlan } from "./plan";
import { renderHostScript, type HostScriptValues } from "./script";

/** What first boot needs besides the plan. */
export interface CloudConfigValues extends HostScriptValues {
    /** The host's ed25519 key: made by the program, so that the first connection already knows it. */
    hostKey: {
        /** OpenSSH form. */
        privateKey: string;
        /** One line of authorized_keys form. */
        publicKey: string;
    };
    /** Who may log in as root before the script has run, and ever after: authorized_keys lines. */
    authorizedKeys: string[];
}

const scriptPath = "/run/mailhost/first-boot.sh";

/**
 * The plan as user data. What must stand before the first login is cloud-init's own work (names, host key, authorized
 * keys), all else is the very script that keeps the host current later.
 *
 * @returns `#cloud-config`, below 32 KiB.
 */
export function renderCloudConfig(plan: HostPlan, values: CloudConfigValues): string {
    const config = {
        hostname: plan.hostname,
        fqdn: plan.fqdn,
        // The script keeps /etc/hosts, also when the name changes later.
        manage_etc_hosts: false,
        // Nobody but root: without this list the image's default user is made and let in as well.
        users: [{ name: "root" }],
        disable_root: false,
        ssh_pwauth: false,
        ssh_authorized_keys: values.authorizedKeys,
        ssh_deletekeys: true,
        ssh_keys: {
            ed25519_private: values.hostKey.privateKey,
            ed25519_public: values.hostKey.publicKey.trim(),
        },
        ssh: { emit_keys_to_console: false },
        write_files: [
            {
                path: scriptPath,
                permissions: "0600",
                encoding: "gz+b64",
                content: gzipSync(renderHostScript(plan, values), { level: 9 }).toString("base64"),
            },
        ],
        // A failure is no end: the first run over SSH says so and does what is left.
        runcmd: [
            [
                "bash",
                "-c",
                `MAILHOST_FIRST_BOOT=yes bash ${scriptPath} || { mkdir -p /var/lib/mailhost && touch /var/lib/mailhost/first-boot-failed; }`,
            ],
        ],
    };
    return `#cloud-config\n${stringify(config, { lineWidth: 0, version: "1.1" })}`;
}
