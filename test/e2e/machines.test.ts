import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { run, runQuietly } from "../../cli/run-program";
import { createMachine } from "../../local/cloud/machines/create-machine";
import type { FirewallRule, Machine, MachineSpec } from "../../local/cloud/machines/machine";
import { slotAddresses } from "../../local/cloud/network/addresses";
import { createCloudNetwork, destroyCloudNetwork } from "../../local/cloud/network/cloud-network";
import { releaseSlot, reserveSlot } from "../../local/cloud/network/slots";
import { buildImage, type ImageSet } from "../../local/image/build-image";
import type { MachineKind } from "../../local/paths";
import { eventually } from "./support/test-laptop";

const minute = 60_000;
const servicesPort = 8099;
/** Deadlines are those of a slow and busy computer, under software emulation. */
const bootSeconds = { container: 180, vm: 1200 };

/** Serves a folder, in a network namespace if told: `node -e PROGRAM FOLDER ADDRESS PORT`. */
const fileServer = `
const fs = require("node:fs"), http = require("node:http"), path = require("node:path");
const [folder, address, port] = process.argv.slice(1);
http.createServer((request, response) => {
    const file = path.join(folder, path.normalize(decodeURIComponent(request.url)));
    const stream = fs.createReadStream(file);
    stream.on("error", () => response.writeHead(404).end()).pipe(response);
}).listen(Number(port), address, () => console.log("ready"));`;

let folder: string;
let images: ImageSet;
let slot: number;
let hostKey: string;

before(
    async () => {
        images = await buildImage();
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-machines-"));
        slot = reserveSlot(folder);
        await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file("key")]);
        await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file("host")]);
        hostKey = fs.readFileSync(file("host.pub"), "utf8").split(" ").slice(0, 2).join(" ");
    },
    { timeout: 30 * minute },
);

after(() => {
    releaseSlot(folder);
    fs.rmSync(folder, { recursive: true, force: true });
});

function file(name: string): string {
    return path.join(folder, name);
}

function allow(port: string, sourceIps = ["0.0.0.0/0", "::/0"]): FirewallRule {
    return { direction: "in", protocol: "tcp", port, sourceIps };
}

/** A machine with a key pair and host key of the test's own, in its user data. */
function specOf(id: number, change: Partial<MachineSpec> = {}): MachineSpec {
    const directory = file(String(id));
    fs.mkdirSync(directory, { recursive: true });
    return {
        id,
        name: `machine-${id}`,
        directory,
        image: images.images[0]!,
        userData: `#cloud-config\n${JSON.stringify({
            ssh_authorized_keys: [fs.readFileSync(file("key.pub"), "utf8").trim()],
            ssh_keys: { ed25519_private: fs.readFileSync(file("host"), "utf8") },
            // The user's own keys of these names must not cost the machine its package repository.
            write_files: [{ path: "/root/written", content: "content" }],
            bootcmd: ["touch /root/booted"],
            runcmd: ["apt-get update && touch /root/updated"],
        })}`,
        publicKeys: [],
        memoryMb: 2048,
        cores: 2,
        diskGb: 10,
        ipv4: `198.18.${slot}.${id}`,
        ipv6: `2001:db8:${slot}:${id}::1`,
        volumes: [],
        firewall: [allow("22")],
        ...change,
    };
}

function blankVolume(id: number) {
    fs.writeFileSync(file(`volume-${id}`), "");
    fs.truncateSync(file(`volume-${id}`), 256 * 1024 ** 2);
    return { id, file: file(`volume-${id}`), device: `/dev/disk/by-id/scsi-0HC_Volume_${id}` };
}

/** Runs a script on the machine; tries again for as long as it may need to boot. */
async function ssh(machine: Machine, kind: MachineKind, script: string, family: 4 | 6 = 4) {
    const deadline = Date.now() + bootSeconds[kind] * 1000;
    for (;;) {
        const finished = await sshOnce(machine, script, family);
        if (finished.code !== 255 || Date.now() > deadline) return finished;
        await sleep(250);
    }
}

async function sshOnce(machine: Machine, script: string, family: 4 | 6 = 4) {
    const reach = machine.reach(22, family);
    assert.ok(reach, "port 22 is not reachable from this computer");
    fs.writeFileSync(file("known_hosts"), `machine ${hostKey}\n`);
    const options = [
        ...["-F", "none", "-i", file("key"), "-p", String(reach.port)],
        ...["-o", `UserKnownHostsFile=${file("known_hosts")}`, "-o", "HostKeyAlias=machine"],
        ...["-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5"],
        ...["-o", "ServerAliveInterval=15"],
    ];
    return runQuietly("ssh", [...options, `root@${reach.host}`, "bash -s"], { input: script });
}

/** Whether a connection to the port is taken, refused or not answered. */
function knock(host: string, port: number): Promise<"open" | "refused" | "silent"> {
    return new Promise((resolve) => {
        const socket = net.connect({ host, port, timeout: 5000 });
        const end = (result: "open" | "refused" | "silent") => {
            socket.destroy();
            resolve(result);
        };
        socket.on("connect", () => end("open"));
        socket.on("timeout", () => end("silent"));
        socket.on("error", () => end("refused"));
    });
}

async function serveRepository(address: string, namespace?: string): Promise<ChildProcess> {
    const node = [process.execPath, "-e", fileServer];
    const where = namespace === undefined ? [] : ["nsenter", `--net=/run/netns/${namespace}`];
    const [program, ...args] = [...where, ...node, images.repository, address, `${servicesPort}`];
    const server = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => server.stdout.once("data", resolve));
    return server;
}

async function stopServer(server: ChildProcess): Promise<void> {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill();
    await ended;
}

/** What both kinds must do once they answer. */
function describeFirstBoot(kind: MachineKind, machine: () => Machine): void {
    test("boots from user data, under the host key that it was given", async () => {
        const { code, stdout, stderr } = await ssh(
            machine(),
            kind,
            "cloud-init status --wait; cat /root/written; ls /root; hostname; df --output=size -BG / | tail -1",
        );
        assert.equal(code, 0, stderr);
        const lines = stdout.replace(/^\.*/, "").trim().split("\n");
        assert.deepEqual(
            lines.map((line) => line.trim()),
            [
                "status: done",
                ...["contentbooted", "updated", "written"],
                ...[`machine-${kind === "vm" ? 12 : 10}`, "10G"],
            ],
        );
    });

    test("installs a package from the repository, and no other", async () => {
        const install = "apt-get install -y -qq --no-install-recommends nftables && nft --version";
        const known = await ssh(machine(), kind, install);
        assert.equal(known.code, 0, known.stderr);
        assert.match(known.stdout, /nftables v1/);
        const unknown = await ssh(machine(), kind, "apt-get install -y -qq nginx");
        assert.equal(unknown.code, 100);
        assert.match(unknown.stderr, /E: Unable to locate package nginx/);
    });

    test("nothing reaches out", async () => {
        const { stdout } = await ssh(
            machine(),
            kind,
            "for to in 1.1.1.1 [2606:4700::1111] 192.0.2.1; do curl -s --max-time 3 http://$to/ || echo no; done",
        );
        assert.equal(stdout, "no\nno\nno\n");
    });
}

const formatAndMount = (id: number) =>
    `mkfs.ext4 -q /dev/disk/by-id/scsi-0HC_Volume_${id} && mkdir -p /data && mount /dev/disk/by-id/scsi-0HC_Volume_${id} /data && echo kept >/data/file && sync`;

describe(
    "container",
    { skip: process.getuid?.() === 0 ? false : "only root can make containers" },
    () => {
        const kind = "container";
        let machine: Machine;
        let neighbour: Machine;
        let server: ChildProcess;
        let options: { slot: number; servicesPort: number; portOffset: number };
        const volume = () => ({
            id: 101,
            file: file("volume-101"),
            device: "/dev/disk/by-id/scsi-0HC_Volume_101",
        });

        before(async () => {
            options = { slot, servicesPort, portOffset: 0 };
            await createCloudNetwork(slot);
            const { namespace, services } = slotAddresses(slot);
            server = await serveRepository(services.ipv4, namespace);
            machine = createMachine(kind, specOf(10, { volumes: [blankVolume(101)] }), options);
            neighbour = createMachine(kind, specOf(11, { firewall: undefined }), options);
            await Promise.all([machine.start(), neighbour.start()]);
        });

        after(async () => {
            await Promise.all([machine.destroy(), neighbour.destroy()]);
            await stopServer(server);
            await destroyCloudNetwork(slot);
        });

        describeFirstBoot(kind, () => machine);

        test("answers over IPv6 as well", async () => {
            const { stdout } = await ssh(machine, kind, "echo here", 6);
            assert.equal(stdout, "here\n");
        });

        test("the cloud firewall lets through what its rules allow, and nothing else", async () => {
            const listen = (port: number) =>
                `systemd-run -q python3 -m http.server -d /usr/share/doc --bind :: ${port}`;
            const until = (port: number) =>
                `until [ -n "$(ss -Hltn 'sport = :${port}')" ]; do sleep 0.1; done`;
            await ssh(machine, kind, `${listen(25)}; ${listen(443)}; ${until(25)}; ${until(443)}`);
            const { computer } = slotAddresses(slot);
            const [v4, v6] = [`198.18.${slot}.10`, `2001:db8:${slot}:10::1`];
            const onNeighbour = async (command: string) =>
                (await ssh(neighbour, kind, command)).code === 0;
            const http = `curl -gs --max-time 5 -o /dev/null`;
            // Side by side, since silence takes time.
            const states = async () => {
                const [from4, from6, fromNeighbour, ping] = await Promise.all([
                    Promise.all([knock(v4, 25), knock(v4, 443)]),
                    Promise.all([knock(v6, 25), knock(v6, 443)]),
                    Promise.all([
                        onNeighbour(`${http} http://${v4}:25/`),
                        onNeighbour(`${http} http://[${v6}]:443/`),
                    ]),
                    Promise.all([
                        onNeighbour(`ping -c 1 -W 5 ${v4}`),
                        onNeighbour(`ping -c 1 -W 5 ${v6}`),
                    ]),
                ]);
                return { from4, from6, fromNeighbour, ping };
            };
            const cases: [FirewallRule[] | undefined, Awaited<ReturnType<typeof states>>][] = [
                [
                    [allow("22")],
                    {
                        from4: ["silent", "silent"],
                        from6: ["silent", "silent"],
                        fromNeighbour: [false, false],
                        ping: [false, false],
                    },
                ],
                [
                    [
                        allow("25"),
                        allow("443", [`${computer.ipv4}/32`]),
                        { direction: "in", protocol: "icmp", sourceIps: ["0.0.0.0/0", "::/0"] },
                    ],
                    {
                        from4: ["open", "open"],
                        from6: ["open", "silent"],
                        fromNeighbour: [true, false],
                        ping: [true, true],
                    },
                ],
                [
                    undefined,
                    {
                        from4: ["open", "open"],
                        from6: ["open", "open"],
                        fromNeighbour: [true, true],
                        ping: [true, true],
                    },
                ],
            ];
            for (const [rules, expected] of cases) {
                await machine.setFirewall(rules);
                assert.deepEqual(await states(), expected);
            }
            await machine.setFirewall([allow("22")]);
        });

        test("a machine opens no connection to this computer", async () => {
            const { computer } = slotAddresses(slot);
            const listener = net.createServer().listen(0, computer.ipv4);
            await new Promise((resolve) => listener.once("listening", resolve));
            const { port } = listener.address() as net.AddressInfo;
            const { code } = await ssh(
                machine,
                kind,
                `curl -s --max-time 3 http://${computer.ipv4}:${port}/`,
            );
            listener.close();
            assert.equal(code, 7, "curl: connection refused");
        });

        test("a machine can't send with another's address", async () => {
            const { code } = await ssh(
                machine,
                kind,
                `ip addr add 198.18.${slot}.99/32 dev eth0; ping -c 1 -W 1 -I 198.18.${slot}.99 198.18.${slot}.11`,
            );
            assert.equal(code, 1);
        });

        test("a volume is there at boot, and survives being unplugged clean", async () => {
            const used = await ssh(machine, kind, `${formatAndMount(101)} && umount /data`);
            assert.equal(used.code, 0, used.stderr);
            assert.deepEqual(await machine.detachVolume(101), { wasMounted: false });
            const gone = await ssh(machine, kind, "ls /dev/disk/by-id");
            assert.equal(gone.stdout, "");
            await machine.attachVolume(volume());
            const back = await ssh(
                machine,
                kind,
                "mount /dev/disk/by-id/scsi-0HC_Volume_101 /data && cat /data/file",
            );
            assert.equal(back.stdout, "kept\n");
        });

        test("a volume unplugged while mounted is gone at once, and says so", async () => {
            assert.deepEqual(await machine.detachVolume(101), { wasMounted: true });
            const write = await ssh(machine, kind, "echo lost >/data/lost");
            assert.equal(write.code, 1);
            assert.match(write.stderr, /Input\/output error/);
            await neighbour.attachVolume(volume());
            const next = await ssh(
                neighbour,
                kind,
                "mkdir -p /data && mount /dev/disk/by-id/scsi-0HC_Volume_101 /data && cat /data/file && ls /data && umount /data",
            );
            assert.equal(next.stdout, "kept\nfile\nlost+found\n");
            assert.deepEqual(await neighbour.detachVolume(101), { wasMounted: false });
        });

        test("comes back after a reboot, with its volumes", async () => {
            await machine.attachVolume(volume());
            await sshOnce(machine, "touch /run/before-reboot; systemctl reboot");
            // It still lets somebody in while it goes down.
            await eventually(
                async () => (await sshOnce(machine, "test ! -e /run/before-reboot")).code === 0,
                bootSeconds[kind],
                "the machine is back",
            );
            const after = await ssh(
                machine,
                kind,
                "ls /dev/disk/by-id; systemctl is-system-running --wait",
            );
            assert.equal(after.stdout, "scsi-0HC_Volume_101\nrunning\n");
        });

        test("is found running by another object, shuts down, and starts again", async () => {
            const same = createMachine(kind, specOf(10, { volumes: [volume()] }), options);
            assert.equal(same.isRunning(), true);
            await same.shutdown(180);
            assert.equal(machine.isRunning(), false);
            const log = fs.readFileSync(file("10/console.log"), "utf8");
            assert.match(log, /Reached target .*poweroff\.target/);
            await machine.start();
            assert.equal((await ssh(machine, kind, "cat /root/written")).stdout, "content");
        });

        test("switches itself off", async () => {
            await sshOnce(machine, "systemctl poweroff");
            const deadline = Date.now() + 360_000;
            while (machine.isRunning() && Date.now() < deadline) await sleep(100);
            assert.equal(machine.isRunning(), false);
        });

        test("destroyed while it runs, it leaves nothing", async () => {
            await machine.start();
            const { processes, groups, ...before } = await traces(10);
            assert.deepEqual(before, {
                namespaces: 1,
                links: 1,
                mounts: 0,
                loopDevices: 2,
                deviceFolders: 1,
            });
            assert.ok(groups >= 1 && processes > 2, `${groups} groups, ${processes} processes`);
            await machine.destroy();
            assert.deepEqual(await traces(10), {
                namespaces: 0,
                links: 0,
                mounts: 0,
                loopDevices: 0,
                deviceFolders: 0,
                groups: 0,
                processes: 0,
            });
        });
    },
);

/** What a container machine has outside its folder. */
async function traces(id: number) {
    const { namespace } = slotAddresses(slot);
    const name = `${namespace}-${id}`;
    const count = (text: string, pattern: string) =>
        text.split("\n").filter((line) => line.includes(pattern)).length;
    const groups = await run("find", ["/sys/fs/cgroup", "-maxdepth", "2", "-name", "pulumi-*"]);
    const names = groups.split("\n").filter((group) => group.endsWith(`-${name}`));
    const processes = await Promise.all(
        names.map((group) =>
            run("find", [group, "-name", "cgroup.procs", "-exec", "cat", "{}", ";"]),
        ),
    );
    return {
        namespaces: count(await run("ip", ["netns", "list"]), name),
        links: count(await run("ip", ["-n", namespace, "link"]), `m${id}@`),
        mounts: count(fs.readFileSync("/proc/mounts", "utf8"), folder),
        loopDevices:
            count(await run("losetup", ["--list"]), `${folder}/${id}/`) +
            count(await run("losetup", ["--list"]), `${folder}/volume-101`),
        groups: names.length,
        deviceFolders: fs.existsSync(`/dev/pulumi-mailhost/${name}`) ? 1 : 0,
        processes: processes.join("").split("\n").filter(Boolean).length,
    };
}

describe("vm", () => {
    const kind = "vm";
    let machine: Machine;
    let server: ChildProcess;

    before(async () => {
        const portOffset = process.getuid?.() === 0 ? 0 : 20_000;
        server = await serveRepository("127.0.0.1");
        const spec = specOf(12, { volumes: [blankVolume(201)] });
        machine = createMachine(kind, spec, { slot, servicesPort, portOffset });
        await machine.start();
    });

    after(async () => {
        await machine.destroy();
        await stopServer(server);
    });

    describeFirstBoot(kind, () => machine);

    test("this computer reaches the ports that the cloud firewall opens to it", async () => {
        const ssh22 = machine.reach(22, 4)!;
        assert.equal(ssh22.host, `127.0.${10 + slot}.12`);
        assert.equal(machine.reach(25, 4), undefined);
        await machine.setFirewall([allow("22"), allow("25"), allow("80", ["192.0.2.0/24"])]);
        const smtp = machine.reach(25, 4)!;
        assert.equal(await knock(smtp.host, smtp.port), "open");
        assert.equal(machine.reach(80, 4), undefined);
        await machine.setFirewall([allow("22")]);
        assert.equal(await knock(smtp.host, smtp.port), "refused");
        assert.equal(machine.reach(22, 6), undefined);
    });

    test("volumes are plugged and unplugged while it runs", async () => {
        const used = await ssh(machine, kind, formatAndMount(201));
        assert.equal(used.code, 0, used.stderr);
        assert.deepEqual(await machine.detachVolume(201), { wasMounted: true });
        const volume = blankVolume(202);
        await machine.attachVolume(volume);
        const plugged = await ssh(
            machine,
            kind,
            `unit='dev-disk-by\\x2did-scsi\\x2d0HC_Volume_202.device'
for _ in {1..300}; do
    [ "$(ls /dev/disk/by-id)" != scsi-0HC_Volume_202 ] || [ "$(systemctl is-active "$unit")" != active ] || break
    sleep 0.2
done
ls /dev/disk/by-id; systemctl is-active "$unit"`,
        );
        assert.equal(plugged.stdout, "scsi-0HC_Volume_202\nactive\n");
        assert.deepEqual(await machine.detachVolume(202), { wasMounted: false });
    });

    test("shuts down when asked, and leaves no process", async () => {
        const { pid } = JSON.parse(fs.readFileSync(file("12/process.json"), "utf8")) as {
            pid: number;
        };
        await machine.shutdown(360);
        assert.equal(machine.isRunning(), false);
        // This process is its parent and learns of its end a moment later.
        for (let waited = 0; waited < 10_000 && fs.existsSync(`/proc/${pid}`); waited += 100) {
            await sleep(100);
        }
        assert.equal(fs.existsSync(`/proc/${pid}`), false);
        const log = fs.readFileSync(file("12/console.log"), "utf8");
        assert.match(log, /Power down/);
    });
});
