// Looks for the actual values of every secret in everything that a stranger or a log collector could read: process
// lists, what `up` prints, logs, plain state. With the settings that tempt most: user-data delivery and debug.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { buildStackImages } from "../../local/image/stack-images";
import { snapshot } from "../../local/laptop";
import { cloudPaths } from "../../local/paths";
import { orderedSteps } from "./support/steps";
import { suiteLimit, TestLaptop } from "./support/test-laptop";

const data = "/root/forwardemail.net/self-hosting";

/** A command that prints files of a host at work: one that goes between the search and its turn is no failure. */
function contents(folder: string, tests: string): string {
    const print =
        'code=0; for file; do cat "$file" || [ ! -e "$file" ] || code=1; done; exit $code';
    return `find ${folder} -ignore_readdir_race ${tests} -exec sh -c '${print}' sh {} +`;
}

describe("secrets", { timeout: suiteLimit }, () => {
    const step = orderedSteps();
    let laptop: TestLaptop;
    /** What a secret is called → a part of it that is long enough to be nothing else. */
    const secrets = new Map<string, string>();
    const printed: string[] = [];
    const processList = new Set<string>();

    before(async () => {
        laptop = await TestLaptop.start("secrets", {
            kind: "container",
            image: snapshot,
            config: { "mailhost:secretDelivery": "user-data", "mailhost:debug": true },
        });
        const { code, stderr } = await laptop.stack.pulumi(
            ["config", "set", "--secret", "--stack", "local", "mailhost:cloudflareApiToken"],
            { input: laptop.info.cloudflareToken },
        );
        assert.equal(code, 0, stderr);
    });
    after(() => laptop.close());

    /** Notes every command line on this computer, the host's processes included, while something runs. */
    async function watchingProcesses<T>(work: Promise<T>): Promise<T> {
        let done = false;
        const watch = (async () => {
            while (!done) {
                for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
                    try {
                        processList.add(fs.readFileSync(`/proc/${pid}/cmdline`, "utf8"));
                    } catch {
                        // It has ended meanwhile.
                    }
                }
                await new Promise((resolve) => setTimeout(resolve, 20));
            }
        })();
        try {
            return await work;
        } finally {
            done = true;
            await watch;
        }
    }

    function assertFree(where: string, text: string): void {
        for (const [name, value] of secrets) {
            assert.ok(!text.includes(value), `${name} stands in ${where}`);
        }
    }

    step("a host is made with every secret that there is", async () => {
        const { printed: first } = await watchingProcesses(laptop.up());
        printed.push(first);
        const { stdout } = await laptop.pulumi("stack", "export", "--show-secrets");
        const { deployment } = JSON.parse(stdout) as {
            deployment: { resources: { urn: string; outputs?: Record<string, unknown> }[] };
        };
        const output = (name: string, property: string): string => {
            const resource = deployment.resources.find(
                (r) => r.urn.endsWith(`::${name}`) && r.outputs?.[property],
            );
            const value = resource?.outputs?.[property];
            const plain = (value as { plaintext?: string }).plaintext ?? JSON.stringify(value);
            return JSON.parse(plain) as string;
        };
        const keyPart = (pem: string) => pem.split("\n")[3]!;
        secrets.set(
            "the host's private key",
            keyPart(output("mail-host-key", "privateKeyOpenssh")),
        );
        secrets.set("the login key", keyPart(output("mail-login-key", "privateKeyOpenssh")));
        secrets.set("the web password", output("mail-auth-basic-password", "result"));
        for (const [key, property] of [
            ["helper-encryption", "result"],
            ["txt-encryption", "hex"],
            ["srs", "result"],
            ["smtp-transport", "result"],
            ["webhook-signature", "hex"],
            ["api", "hex"],
        ] as const) {
            secrets.set(`the stack's key ${key}`, output(`mail-stack-keys-${key}`, property));
        }
        // Its first lines hold the modulus, which is published; these are the primes.
        secrets.set("the DKIM key", output("mail-dkim-default", "privateKeyPem").split("\n")[16]!);
        secrets.set("the Cloudflare token", laptop.info.cloudflareToken);
        secrets.set("the Hetzner token", laptop.info.hcloudToken);
        secrets.set(
            "the passphrase",
            fs.readFileSync(path.join(cloudPaths(laptop.name).pulumi, "passphrase"), "utf8"),
        );
        for (const [name, value] of secrets) assert.ok(value.length >= 32, `${name} is too short`);
    });

    step("changes and failures happen while they are there", async () => {
        await laptop.configure("mailhost:rebootTime", "03:15");
        printed.push((await watchingProcesses(laptop.up("--diff"))).printed);
        // A script that fails on the host prints what it knows.
        await laptop.ssh("chattr +i /etc/apt/apt.conf.d");
        await laptop.configure("mailhost:rebootTime", "03:45");
        const failed = await watchingProcesses(
            laptop.pulumi("up", "--yes", "--skip-preview", "--diff"),
        );
        assert.notEqual(failed.code, 0);
        printed.push(failed.stdout + failed.stderr);
        await laptop.ssh("chattr -i /etc/apt/apt.conf.d");
        printed.push((await laptop.up()).printed);
    });

    step("a deployment fails, and its service has printed a secret", async () => {
        const images = await buildStackImages();
        const good = { images: { ...laptop.info.images } };
        const { repository, tag, digest } = images.broken;
        const mail = `${laptop.info.registry.host}/${repository}:${tag}@${digest}`;
        await laptop.configure("mailhost:stack", { images: { ...good.images, mail } });
        const failed = await watchingProcesses(
            laptop.pulumi("up", "--yes", "--skip-preview", "--diff"),
        );
        assert.notEqual(failed.code, 0);
        const said = failed.stdout + failed.stderr;
        assert.match(said, /web: starting with HELPER_ENCRYPTION_KEY=\*\*\*/);
        printed.push(said);
        await laptop.configure("mailhost:stack", good);
        printed.push((await watchingProcesses(laptop.up())).printed);
    });

    step("Cloudflare refuses a token: the program's, and the host's", async () => {
        const refused = "refused".repeat(6).slice(0, 40);
        secrets.set("the refused token", refused);
        const give = async (key: string, value: string) => {
            const { code, stderr } = await laptop.stack.pulumi(
                ["config", "set", "--secret", "--stack", "local", key],
                { input: value },
            );
            assert.equal(code, 0, stderr);
        };
        await give("cloudflare:apiToken", refused);
        const program = await watchingProcesses(
            laptop.pulumi("up", "--yes", "--skip-preview", "--diff"),
        );
        assert.notEqual(program.code, 0);
        assert.match(program.stdout + program.stderr, /Invalid access token|Authentication error/);
        printed.push(program.stdout + program.stderr);
        await give("cloudflare:apiToken", laptop.info.cloudflareToken);
        await give("mailhost:cloudflareApiToken", refused);
        printed.push((await watchingProcesses(laptop.up("--diff"))).printed);
        assert.match(await laptop.ssh("cat /root/.cloudflare.ini"), new RegExp(refused));
        const renewal = await watchingProcesses(laptop.trySsh("mailhost renew --force"));
        assert.notEqual(renewal.code, 0);
        assert.match(renewal.stderr, /Cloudflare refuses the token/);
        printed.push(renewal.stdout + renewal.stderr);
        await give("mailhost:cloudflareApiToken", laptop.info.cloudflareToken);
        printed.push((await watchingProcesses(laptop.up("--diff"))).printed);
    });

    step("a configuration is refused", async () => {
        const refused = await laptop.stack.pulumi([
            "preview",
            "--stack",
            "local",
            "-c",
            "mailhost:email=nobody",
            "-c",
            "mailhost:typo=1",
        ]);
        assert.notEqual(refused.code, 0);
        printed.push(refused.stdout + refused.stderr);
    });

    test("the host has them where they belong", async () => {
        assert.equal(
            await laptop.ssh("stat -c '%a %U' /root/.cloudflare.ini /etc/profile.d/env.sh"),
            "600 root\n600 root",
        );
        assert.equal(
            await laptop.ssh("cat /root/.cloudflare.ini"),
            `dns_cloudflare_api_token = ${laptop.info.cloudflareToken}`,
        );
        const owner = await laptop.ssh("sed -n 's/^mail //p' /var/lib/mailhost/owners");
        assert.equal(
            await laptop.ssh(
                `stat -c '%a %u:%g' ${data}/.env ${data}/ssl/dkim.key ${data}/ssl/privkey.pem`,
            ),
            Array(3).fill(`400 ${owner}`).join("\n"),
        );
        assert.match(
            await laptop.ssh(`cat ${data}/.env`),
            new RegExp(
                `^HELPER_ENCRYPTION_KEY=.?${secrets.get("the stack's key helper-encryption")}`,
                "m",
            ),
        );
        assert.equal(
            await laptop.ssh("bash -c '. /etc/profile.d/env.sh; echo $AUTH_BASIC_PASSWORD'"),
            secrets.get("the web password"),
        );
    });

    test("no process list shows one", () => {
        assert.ok(
            [...processList].some((line) => line.includes("pulumi")),
            "nothing was watched",
        );
        assert.ok(
            [...processList].some((line) => line.includes("apt-get")),
            "the host was not watched",
        );
        for (const line of processList) assertFree(`a command line: ${line.slice(0, 40)}`, line);
    });

    test("nothing that was printed shows one", () => {
        assert.match(printed.join("\n"), /mailhost: error|apt\.conf\.d/);
        for (const text of printed) assertFree("what pulumi printed", text);
    });

    test("no plain state, log or other file of the engine holds one", () => {
        const folder = cloudPaths(laptop.name).root;
        // Where a value has to stand as it is, readable by its owner alone: the provider's own store, the keys.
        const keepers = new Set([
            "cloud.json",
            "host.json",
            "objects.json",
            path.join("pulumi", "passphrase"),
            path.join("ssh", "key"),
        ]);
        let searched = 0;
        for (const entry of fs.readdirSync(folder, { recursive: true, encoding: "utf8" })) {
            const file = path.join(folder, entry);
            if (entry.includes(`${path.sep}root${path.sep}`) || entry.endsWith(".img")) continue;
            const stat = fs.lstatSync(file);
            if (!stat.isFile()) continue;
            const isSeed = entry.startsWith("machines") && entry.includes("seed");
            if (keepers.has(entry) || isSeed) {
                assert.equal(stat.mode & 0o077, 0, `${entry} is readable by others`);
                continue;
            }
            assertFree(entry, fs.readFileSync(file, "latin1"));
            searched++;
        }
        assert.ok(searched > 10, `${searched} files searched`);
    });

    test("no log on the host holds one", async () => {
        for (const [command, bytes] of [
            ["journalctl -q --no-pager -o verbose", 10_000],
            [contents("/var/log", "-type f -not -path '*/journal/*'"), 1000],
            [contents("/run/cloud-init", "-type f -perm /044"), 100],
            ["cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' '", 100],
            // The databases and the router are given none, the mail services find theirs in a file.
            ["docker ps -aq | xargs docker inspect", 1000],
            ["docker ps -aq | xargs -n 1 docker logs 2>&1", 1000],
            [contents(data, "-type f -perm /044 -not -path '*/mongo-data/*'"), 1000],
        ] as const) {
            const found = await laptop.ssh(command);
            assert.ok(found.length > bytes, `${command} printed ${found.length} bytes`);
            assertFree(command, found);
        }
        assert.equal(await laptop.ssh("ls -d /run/mailhost-script.* 2>/dev/null | wc -l"), "0");
        const readable = await laptop.ssh(
            contents(
                "/",
                "-xdev -type f -perm /044 -mmin -60 -size -2000k -not -path '/proc/*' -not -path '/var/lib/dpkg/*' -not -path '/usr/*'",
            ),
        );
        assert.ok(readable.length > 10_000, `${readable.length} bytes searched`);
        assertFree("a file on the host that others may read", readable);
    });
});
