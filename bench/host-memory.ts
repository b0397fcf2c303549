// What the host's own parts cost in memory at rest, without the services: a machine that was set up as the mail host
// against one of the same image, with the same packages running, that was told nothing: `npm run bench -- host-memory`.
import { setTimeout as sleep } from "node:timers/promises";
import { renderCloudConfig } from "../components/host/cloud-config";
import { setupScript } from "../components/host/host-setup";
import { planHost } from "../components/host/plan";
import { receiveCommand } from "../components/host/ssh-channel";
import { ControlGroup } from "../local/cloud/machines/control-group";
import { machineNamespace } from "../local/cloud/network/network-plan";
import { hostPorts } from "../local/status";
import type { CloudInfo } from "../local/paths";
import { BareMachine, callApi, makeKeyPair, type KeyPair } from "./bare-machine";
import { figure, table, type Figure } from "./figures";
import { measureMemory, total, type MachineMemory } from "./machine-memory";
import { withCloud } from "./rehearsed-host";

const boots = 3;
/** After everything is started; by then one-off work of a boot has ended. */
const restSeconds = 40;

const plan = planHost({
    ...{ system: "debian-13", fqdn: "mx.example.test", domain: "example.test" },
    ...{ email: "postmaster@example.test", authBasicUsername: "admin", authorizedKeys: [] },
    openTcpPorts: hostPorts.filter((port) => port !== 22),
    ...{ rebootTime: "04:30", debug: false, secretDelivery: "ssh" },
});

interface Keys {
    loginKey: KeyPair;
    hostKey: KeyPair;
}

interface VolumeAnswer {
    volume: { id: number; linux_device: string };
}

/** Everything that `HostSetup` makes of a machine: first boot, then the script over SSH. */
async function setUpMachine(info: CloudInfo, keys: Keys): Promise<BareMachine> {
    const { loginKey, hostKey } = keys;
    const body = { name: "data", size: 10, location: "fsn1" };
    const { volume } = await callApi<VolumeAnswer>(info, "POST", "/volumes", body);
    const values = { dataDevice: volume.linux_device, dataSizeGb: 10 };
    const userData = renderCloudConfig(plan, {
        ...values,
        hostKey,
        authorizedKeys: [loginKey.publicKey],
    });
    const options = { name: "mail-host", userData, ...keys, volume: volume.id };
    const machine = await BareMachine.create(info, options);
    await machine.ssh(receiveCommand, setupScript(plan, values));
    return machine;
}

async function measure(info: CloudInfo): Promise<Record<"plain" | "host", MachineMemory>[]> {
    const keys = {
        loginKey: await makeKeyPair(info, "bench-login"),
        hostKey: await makeKeyPair(info, "bench-host"),
    };
    const [plain, host] = await Promise.all([
        BareMachine.create(info, { name: "plain", ...keys }),
        setUpMachine(info, keys),
    ]);
    const memoryOf = ({ id }: BareMachine) => {
        const group = new ControlGroup(`pulumi-mailhost-${machineNamespace(info.slot, id)}`);
        return measureMemory(group.processes("machine/payload"));
    };
    const measured = [];
    for (let boot = 0; boot < boots; boot++) {
        await Promise.all([plain.reboot(), host.reboot()]);
        await host.ssh("systemctl is-active --quiet docker mailhost-firewall mailhost-renew.timer");
        await sleep(restSeconds * 1000);
        measured.push({ plain: memoryOf(plain), host: memoryOf(host) });
        console.error(`boot ${boot + 1}: measured`);
    }
    return measured;
}

async function main(): Promise<void> {
    const measured = await withCloud({ name: "host-memory" }, measure);
    if (process.argv.includes("--json")) {
        console.log(JSON.stringify(measured, undefined, 2));
        return;
    }
    const row = (name: string, of: (memory: MachineMemory) => number) => {
        const spread = ({ median, least, most }: Figure) =>
            // Without the sign of what rounds to zero.
            [median, least, most].map((bytes) => (Math.round(bytes / 1e5) / 10 || 0).toFixed(1));
        const cell = (values: number[]) => {
            const [median, least, most] = spread(figure(values));
            return `${median} (${least} to ${most})`;
        };
        return [
            name,
            cell(measured.map(({ plain }) => of(plain))),
            cell(measured.map(({ host }) => of(host))),
            cell(measured.map(({ plain, host }) => of(host) - of(plain))),
        ];
    };
    const programs = new Set(
        measured.flatMap(({ plain, host }) => Object.keys({ ...plain.programs, ...host.programs })),
    );
    console.log(
        `MB ${restSeconds} s after a boot, medians of ${boots}; goal of the difference: 20`,
    );
    console.log(
        table(
            ["", "same image", "mail host", "difference"],
            [
                row("processes' own memory", ({ anonymous }) => anonymous),
                row("mapped files", ({ mapped }) => mapped),
                row("tmpfs", ({ tmpfs }) => tmpfs),
                row("page tables", ({ pageTables }) => pageTables),
                row("all", total),
            ],
        ),
    );
    console.log("\nProcesses, own memory and mapped files:");
    console.log(
        table(
            ["program", "same image", "mail host", "difference"],
            [...programs].sort().map((name) => row(name, (memory) => memory.programs[name] ?? 0)),
        ),
    );
}

void main();
