// The services of a cloud whose machines are VMs: on loopback, at ports that stay, since machines outlive the daemon.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import type { DnsServer } from "../../../local/cloud/dns/dns-server";
import { startKnot } from "../../../local/cloud/dns/knot";
import { startServices, type Services } from "../../../local/cloud/services";
import { ensureGoProgram } from "../../../local/go-programs/build";
import { cloudPaths, type CloudInfo } from "../../../local/paths";
import { run } from "../../../cli/run-program";

const cloud = `unit-services-${process.pid}`;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "services-"));
const image = (repository: string) => ({ repository, tag: "1", digest: `sha256:${repository}` });
const stackImages = {
    storage: path.join(folder, "storage"),
    images: {
        mail: image("a/mail"),
        mongodb: image("library/mongo"),
        redis: image("library/redis"),
        router: image("library/nginx"),
    },
    upgrade: image("a/mail"),
    broken: image("a/mail"),
    demanding: image("a/mail"),
};
let dns: DnsServer;
let pebble: string;
let services: Services;

const start = (earlier: Partial<CloudInfo>, certificateSeconds?: number) =>
    startServices({
        ...{ cloud, slot: 7, host: "127.0.0.1", standardPorts: false, before: earlier },
        ...{ dns, stackImages, pebble, certificateSeconds },
        addressOf: (remote) => remote,
    });

before(async () => {
    fs.mkdirSync(cloudPaths(cloud).root, { recursive: true });
    pebble = await ensureGoProgram("pebble", () => undefined);
    dns = await startKnot({ directory: path.join(folder, "dns"), hosts: ["127.0.0.1"], port: 0 });
    services = await start({}, 60);
});
after(async () => {
    await services?.stop();
    await dns?.stop();
    for (const made of [folder, cloudPaths(cloud).root]) {
        fs.rmSync(made, { recursive: true, force: true });
    }
});

test("machines are told the addresses of the cloud, this computer its loopback", () => {
    const { info, forMachines } = services;
    const { acme, registry, mail } = forMachines.localPorts;
    const { caFile, rootsFile } = info.acme;
    assert.deepEqual(info, {
        acme: {
            directory: "https://198.18.7.2:14000/dir",
            localDirectory: `https://127.0.0.1:${acme}/dir`,
            caFile,
            rootsFile,
            certificateSeconds: 60,
        },
        registry: { host: "198.18.7.2:5000", localHost: `127.0.0.1:${registry}`, caFile },
        images: {
            mail: "198.18.7.2:5000/a/mail:1@sha256:a/mail",
            mongodb: "198.18.7.2:5000/library/mongo:1@sha256:library/mongo",
            redis: "198.18.7.2:5000/library/redis:1@sha256:library/redis",
            router: "198.18.7.2:5000/library/nginx:1@sha256:library/nginx",
        },
        mailSink: { host: "127.0.0.1", port: mail },
    });
    assert.equal(forMachines.localPorts.dns, dns.address.port);
    assert.equal(forMachines.authority, fs.readFileSync(caFile, "utf8"));
});

test("the sink's name leads to the services' address", async () => {
    const { host, port } = dns.address;
    const ask = ["+short", "sink.test", "MX", "mx.sink.test", "A"];
    const answers = await run("dig", [`@${host}`, "-p", String(port), ...ask]);
    assert.deepEqual(answers.trim().split("\n"), ["10 mx.sink.test.", "198.18.7.2"]);
});

test("the next daemon has the same ports, authority and duration, and other ports where they are taken", async (context) => {
    const { info, forMachines } = services;
    await services.stop();
    services = await start(info);
    assert.deepEqual([services.info, services.forMachines], [info, forMachines]);

    await services.stop();
    const ports = [forMachines.localPorts.mail, forMachines.localPorts.acme];
    const others = ports.map((port) => net.createServer().listen(port, "127.0.0.1"));
    context.after(() => others.forEach((other) => other.close()));
    await Promise.all(
        others.map((other) => new Promise((resolve) => other.once("listening", resolve))),
    );
    services = await start(info, 120);
    const { localPorts } = services.forMachines;
    assert.equal(localPorts.registry, forMachines.localPorts.registry);
    assert.ok(!ports.includes(localPorts.mail) && !ports.includes(localPorts.acme));
    assert.equal(services.info.acme.certificateSeconds, 120);
});
