import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run, runQuietly } from "../cli/run-program";
import { firstHostAddress } from "../components/names";
import { snapshotImageId } from "../local/image/build-image";
import { cloudPaths, type CloudInfo } from "../local/paths";
import { sshArguments } from "../local/status";
import { unattended } from "./rehearsed-host";

/** A key pair in OpenSSH form, and the folder of the cloud that it is kept in. */
export interface KeyPair {
    file: string;
    privateKey: string;
    publicKey: string;
}

export async function makeKeyPair(info: CloudInfo, name: string): Promise<KeyPair> {
    const file = path.join(cloudPaths(info.name).root, name);
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file]);
    const publicKey = fs.readFileSync(`${file}.pub`, "utf8").trim();
    return { file, privateKey: fs.readFileSync(file, "utf8"), publicKey };
}

export interface BareMachineOptions {
    name: string;
    /** What root's login takes, and what SSH shows: both are in the user data. */
    loginKey: KeyPair;
    hostKey: KeyPair;
    /** @default those two keys, and nothing else */
    userData?: string;
    /** A volume that is attached. @default none */
    volume?: number;
    /** Id or name of its image. @default the one that has the host's packages */
    image?: number | string;
}

/** A machine that is made through the simulated Hetzner API, without the engine. */
export class BareMachine {
    private constructor(
        private readonly info: CloudInfo,
        /** Of the server at the API. */
        readonly id: number,
        /** The IPv6 one is the first of its network, which it gives itself. */
        readonly addresses: { ipv4: string; ipv6: string },
        private readonly login: Parameters<typeof sshArguments>[0],
    ) {}

    /** Returns when its first boot is done. */
    static async create(info: CloudInfo, options: BareMachineOptions): Promise<BareMachine> {
        const { name, loginKey, hostKey, volume, image = snapshotImageId } = options;
        const { userData = plainUserData(loginKey, hostKey) } = options;
        const { server } = await callApi<{ server: ServerAnswer }>(info, "POST", "/servers", {
            ...{ name, user_data: userData, image, location: "fsn1" },
            server_type: process.arch === "arm64" ? "cax11" : "cx23",
            ...(volume !== undefined && { volumes: [volume] }),
        });
        const { ipv4, ipv6 } = server.public_net;
        const host = ipv4.ip;
        const knownHostsFile = `${loginKey.file}.known-${server.id}`;
        fs.writeFileSync(knownHostsFile, `${host} ${hostKey.publicKey}\n`);
        const addresses = { ipv4: host, ipv6: firstHostAddress(ipv6.ip) };
        const machine = new BareMachine(info, server.id, addresses, {
            ...{ user: "root", host, port: 22, keyFile: loginKey.file, knownHostsFile },
        });
        await machine.isUp();
        await machine.ssh("cloud-init status --wait >/dev/null");
        return machine;
    }

    /** Runs a command as root. @throws Error when it fails. */
    ssh(command: string, input?: string): Promise<string> {
        return run("ssh", [...unattended, ...sshArguments(this.login), command], { input });
    }

    /** Sets the PTR records of both addresses. */
    async setPointers(name: string): Promise<void> {
        for (const ip of Object.values(this.addresses)) {
            const path = `/servers/${this.id}/actions/change_dns_ptr`;
            await callApi(this.info, "POST", path, { ip, dns_ptr: name });
        }
    }

    /** Shuts it down and boots it again; returns when everything is started. */
    async reboot(): Promise<void> {
        const path = `/servers/${this.id}/actions/reboot`;
        const { action } = await callApi<ActionAnswer>(this.info, "POST", path);
        for (;;) {
            const now = await callApi<ActionAnswer>(this.info, "GET", `/actions/${action.id}`);
            if (now.action.status === "success") break;
            if (now.action.status === "error") throw new Error(`${path} failed.`);
            await sleep(200);
        }
        await this.isUp();
    }

    private async isUp(): Promise<void> {
        for (let waited = 0; waited < 120; waited++) {
            // It prints `degraded`, and fails, where a unit has failed.
            const wait = "systemctl is-system-running --wait || true";
            const args = [...unattended, ...sshArguments(this.login), wait];
            const { code } = await runQuietly("ssh", args, { timeoutSeconds: 120 });
            if (code === 0) return;
            await sleep(500);
        }
        throw new Error(`The machine ${this.login.host} does not answer over SSH.`);
    }
}

/** Nothing but who may log in. */
function plainUserData(loginKey: KeyPair, hostKey: KeyPair): string {
    const config = {
        ...{ users: [{ name: "root" }], disable_root: false },
        ssh_authorized_keys: [loginKey.publicKey],
        ssh_keys: { ed25519_private: hostKey.privateKey, ed25519_public: hostKey.publicKey },
    };
    // JSON is YAML.
    return `#cloud-config\n${JSON.stringify(config)}`;
}

interface ServerAnswer {
    id: number;
    public_net: { ipv4: { ip: string }; ipv6: { ip: string } };
}

interface ActionAnswer {
    action: { id: number; status: string };
}

/** A call of the simulated Hetzner Cloud API. @throws Error with its answer when it refuses. */
export async function callApi<T>(
    info: CloudInfo,
    method: string,
    path: string,
    body?: object,
): Promise<T> {
    const response = await fetch(info.hcloudEndpoint + path, {
        method,
        headers: {
            authorization: `Bearer ${info.hcloudToken}`,
            "content-type": "application/json",
        },
        ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
}
