// The package as npm packs it, in somebody else's program: types, previews of every example, and a host that takes mail.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe } from "node:test";
import { parseDocument, stringify } from "yaml";
import { withoutDigest } from "../../cli/pin-plan";
import { run, runQuietly } from "../../cli/run-program";
import { LocalStack, stackName } from "../../local/engine/stack";
import { projectRoot } from "../../local/paths";
import { addZone } from "../../local/zones";
import { blocksRunBy } from "./support/documented";
import { allProven, mailArrives } from "./support/mail-host";
import { Operator } from "./support/operator";
import { fineMachine, openSshKey } from "../unit/server/existing-machine";
import { orderedSteps } from "./support/steps";
import { readChanges, suiteLimit, TestLaptop } from "./support/test-laptop";

const examples = path.join(projectRoot, "examples");

/** Somebody's program: a component of their own, with a mail host in it. */
const program = (component: string, alias?: string) => `
import * as pulumi from "@pulumi/pulumi";
import { cloudflare, hetzner, MailHost, type CertificateArgs, type HetznerArgs, type StackOptions } from "pulumi-mailhost";
import { planDnsRecords } from "pulumi-mailhost/dns";
import type { Server } from "pulumi-mailhost/server";

const config = new pulumi.Config("mailhost");

class Company extends pulumi.ComponentResource {
    readonly mail: MailHost;
    constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
        super("acme:index:Company", name, {}, opts);
        this.mail = new MailHost(\`\${name}-mail\`, {
            domain: config.require("domain"),
            email: config.require("email"),
            protect: false,
            server: hetzner(withoutProvider(config.requireObject<HetznerArgs & { provider?: string }>("server"))),
            dns: cloudflare({ dnssec: true }),
            certificate: config.requireObject<CertificateArgs>("certificate"),
            stack: config.getObject<StackOptions>("stack"),
            domains: config.getObject("domains"),
        }, { parent: this });
        this.registerOutputs({});
    }
}

function withoutProvider({ provider, ...server }: HetznerArgs & { provider?: string }): HetznerArgs {
    return server;
}

const company = new Company("${component}"${alias ? `, { aliases: [{ name: "${alias}" }] }` : ""});
export const addressOf = (server: Server): pulumi.Output<string> => server.inbound.ipv4;
export const records = planDnsRecords({ domain: "example.net", email: "you@example.com", issuer: "letsencrypt.org" }).records.length;
export const { webUrl, clientSettings, ipv4, ipv6, hostName, dns, dnssec, nextSteps } = company.mail;
export const { sshCommand, sshPrivateKey, sshHostKey, authBasicUsername, authBasicPassword, missingDomainValues } = company.mail;
`;

const blocks = blocksRunBy(__filename);

describe("the package", { timeout: suiteLimit }, () => {
    const step = orderedSteps();
    const work = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-package-"));
    const project = path.join(work, "acme");
    let laptop: TestLaptop;
    /** The package as npm packs it. */
    let tarball: string;

    const write = (file: string, text: string) => {
        fs.mkdirSync(path.dirname(path.join(work, file)), { recursive: true });
        fs.writeFileSync(path.join(work, file), text);
    };

    before(async () => {
        await run("npm", ["pack", "--silent", "--pack-destination", work], { cwd: projectRoot });
        tarball = fs.readdirSync(work).find((name) => name.endsWith(".tgz"))!;
        write(
            "acme/package.json",
            JSON.stringify({
                private: true,
                dependencies: {
                    "@pulumi/pulumi": "^3.248.0",
                    "pulumi-mailhost": `file:../${tarball}`,
                },
                devDependencies: { typescript: "^6.0.3", "@types/node": "^20.19.43" },
            }),
        );
        await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline"], {
            cwd: project,
        });
        write("acme/Pulumi.yaml", "name: acme\nmain: index.ts\nruntime: nodejs\n");
        write("acme/tsconfig.json", tsconfig("nodenext", "nodenext"));
        write("acme/index.ts", program("acme"));
        laptop = await TestLaptop.start("package", { kind: "container", project });
    });
    after(async () => {
        await laptop?.close();
        fs.rmSync(work, { recursive: true, force: true });
    });

    step("shares one copy of Pulumi with the program, and holds nothing but what runs", () => {
        const installed = path.join(project, "node_modules", "pulumi-mailhost");
        assert.equal(fs.existsSync(path.join(installed, "node_modules")), false);
        assert.deepEqual(fs.readdirSync(installed).sort(), [
            ...["CHANGELOG.md", "LICENSE", "README.md", "cloud-init", "dist", "docs"],
            "package.json",
        ]);
        assert.deepEqual(fs.readdirSync(path.join(installed, "dist")).sort(), [
            "cli",
            "components",
        ]);
        return Promise.resolve();
    });

    for (const [module, resolution] of [
        ["nodenext", "nodenext"],
        ["node16", "node16"],
        ["es2022", "bundler"],
    ] as const) {
        step(`has types under moduleResolution ${resolution}`, async () => {
            write("acme/tsconfig.json", tsconfig(module, resolution));
            const tsc = path.join(project, "node_modules", ".bin", "tsc");
            const { code, stdout } = await runQuietly(tsc, ["--noEmit", "-p", "."], {
                cwd: project,
            });
            assert.equal(code, 0, stdout);
            write("acme/tsconfig.json", tsconfig("nodenext", "nodenext"));
        });
    }

    step("has the command mailhost", async () => {
        const { code, stdout } = await runQuietly("npx", ["--no-install", "mailhost", "--help"], {
            cwd: project,
        });
        assert.equal(code, 0);
        for (const name of ["dns", "pin", "recover"])
            assert.match(stdout, new RegExp(`^  ${name}`, "m"));
    });

    const settings: Record<string, Record<string, unknown>> = {
        "single-host": {},
        "several-domains": { "mailhost:shop": "shop.test", "mailhost:parked": "parked.test" },
        "several-hosts": { "mailhost:hosts": { one: "one.test", two: "two.test" } },
        "existing-program": {},
        "existing-machine": {
            ...{ "mailhost:ipv4": fineMachine.ipv4, "mailhost:sshHostKey": fineMachine.sshHostKey },
            "mailhost:sshPrivateKey": openSshKey(),
        },
        "dns-alone": {
            ...{ "mailhost:ipv4": "192.0.2.25", "mailhost:ipv6": "2001:db8::25" },
            "mailhost:serving": true,
        },
    };

    step("previews every example", async (t) => {
        const folders = fs
            .readdirSync(examples, { withFileTypes: true })
            .flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
        assert.deepEqual(folders.sort(), Object.keys(settings).sort());
        for (const zone of ["shop.test", "parked.test", "one.test", "two.test"])
            await addZone(laptop.info, zone);
        for (const [name, config] of Object.entries(settings)) {
            const { code, stdout, stderr } = await previewExample(name, config);
            assert.equal(code, 0, `${name}: ${stdout}${stderr}`);
            const changes = readChanges(stdout);
            assert.deepEqual(Object.keys(changes), ["create"], name);
            t.diagnostic(`${name}: ${changes["create"]} resources`);
        }
    });

    step("says what writes the images into the configuration, before they are there", async () => {
        const file = path.join(work, "examples", "single-host", "Pulumi.example.yaml");
        const document = parseDocument(fs.readFileSync(file, "utf8"));
        assert.ok(document.deleteIn(["config", "mailhost:stack"]));
        fs.writeFileSync(file, document.toString());
        const { code, stdout, stderr } = await preview(path.dirname(file));
        assert.notEqual(code, 0);
        assert.match(
            stdout + stderr,
            /stack\.images\.mail: It is not chosen which release of the mail services runs\. Run `npx mailhost pin`, which /,
        );
        assert.doesNotMatch(stdout + stderr, /Missing required configuration variable/);
    });

    step("previews an example that was set up as examples/README.md says", async () => {
        const folder = path.join(work, "single-host");
        fs.cpSync(path.join(examples, "single-host"), folder, { recursive: true });
        // The providers and the registry of the laptop cloud, and what is not pinned yet.
        const { hcloudEndpoint, cloudflareApi, images } = laptop.info;
        fs.writeFileSync(
            path.join(folder, "Pulumi.dev.yaml"),
            stringify({
                config: {
                    "hcloud:endpoint": hcloudEndpoint,
                    "cloudflare:baseUrl": cloudflareApi,
                    "mailhost:stack": {
                        images: Object.fromEntries(
                            Object.entries(images).map(([name, image]) => [
                                name,
                                withoutDigest(image),
                            ]),
                        ),
                    },
                },
            }),
        );
        await addZone(laptop.info, "example.com");
        const operator = new Operator({
            ...{ blocks, folder },
            environment: { ...laptop.stack.environment, npm_config_prefer_offline: "true" },
            examples: { "v1.2.3": "v1.0.0" },
            answers: {
                "hcloud:token": laptop.info.hcloudToken,
                "cloudflare:apiToken": laptop.info.cloudflareToken,
            },
            // Until it is published, as the page says.
            functions: `npm() { command npm "$@" '${path.join(work, tarball)}'; }`,
        });
        const printed = await operator.follow("examples/README.md", "npm install");
        assert.deepEqual(Object.keys(readChanges(printed)), ["create"]);
    });

    step("brings a host up from a component of somebody else's, which takes mail", async () => {
        await laptop.up();
        await allProven(laptop);
        await mailArrives(laptop);
        const { environment } = laptop.stack;
        const operator = new Operator({ ...{ blocks, folder: project, environment } });
        assert.match(await operator.type("npx mailhost dns"), /^ +@ +MX +300 /m);
        assert.match(await operator.type("npx mailhost recover"), /nothing had to be recovered/);
    });

    step("keeps everything when that component is renamed with an alias", async () => {
        write("acme/index.ts", program("corporation", "acme"));
        const { code, stdout, stderr } = await laptop.pulumi("preview", "--expect-no-changes");
        assert.equal(code, 0, stdout + stderr);
        assert.deepEqual(Object.keys(readChanges(stdout)), ["unchanged"]);
    });

    async function previewExample(name: string, config: Record<string, unknown>) {
        const folder = path.join(work, "examples", name);
        fs.cpSync(path.join(examples, name), folder, { recursive: true });
        fs.symlinkSync(path.join(project, "node_modules"), path.join(folder, "node_modules"));
        fs.copyFileSync(path.join(project, "tsconfig.json"), path.join(folder, "tsconfig.json"));
        await run(
            "pulumi",
            ["stack", "init", stackName, "--secrets-provider=passphrase", "--non-interactive"],
            { cwd: folder, env: laptop.stack.environment },
        );
        const file = path.join(folder, "Pulumi.example.yaml");
        const own = laptop.stack.document();
        for (const [key, value] of Object.entries({
            "mailhost:sshAllowedCidrs": ["203.0.113.0/24"],
            "mailhost:hcloudEndpoint": laptop.info.hcloudEndpoint,
            ...config,
        }))
            own.setIn(["config", key], value);
        own.setIn(["config", "mailhost:hcloudToken"], own.getIn(["config", "hcloud:token"]));
        fs.writeFileSync(file, own.toString());
        return preview(folder);
    }

    function preview(folder: string) {
        const stack = new LocalStack(laptop.engine, laptop.info, folder);
        const file = path.join(folder, "Pulumi.example.yaml");
        return stack.pulumi(["preview", "--stack", stackName, `--config-file=${file}`]);
    }
});

function tsconfig(module: string, moduleResolution: string): string {
    return JSON.stringify({
        compilerOptions: {
            ...{ strict: true, target: "es2022", module, moduleResolution },
            ...{ skipLibCheck: true, types: ["node"], noEmit: true },
        },
        include: ["*.ts"],
    });
}
