// What has to go on while a mail host is looked after, on the container kind: renewals, another server, an old volume
// under new keys. The steps build on each other.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import * as path from "node:path";
import { after, before, describe } from "node:test";
import {
    deliver,
    isWhole,
    readByImap,
    writeLetter,
    type Letter,
} from "../../local/proof/mail-client";
import type { ExportedStack } from "../../cli/deployment";
import { snapshotImageId } from "../../local/image/build-image";
import { buildStackImages } from "../../local/image/stack-images";
import { rememberHost } from "../../local/laptop";
import { blocksRunBy } from "./support/documented";
import {
    allHealthy,
    allProven,
    databases,
    failedUp,
    isThere,
    mailArrives,
    mailboxAt,
    MailStream,
    nodeServices,
    outsideOf,
    PortWatch,
    restartedSince,
    startTimes,
} from "./support/mail-host";
import { checkOutFor, Operator } from "./support/operator";
import { sshArguments } from "../../local/status";
import { orderedSteps } from "./support/steps";
import { eventually, suiteLimit, TestLaptop } from "./support/test-laptop";

const data = "/root/forwardemail.net/self-hosting";
/** As it was before the state was lost. */
const hooks = "d0c5".repeat(8);
const tlsPorts = [25, 443, 465, 993, 995];

const blocks = blocksRunBy(__filename);

describe("looking after a mail host", { timeout: suiteLimit }, () => {
    const step = orderedSteps();
    let laptop: TestLaptop;
    let operator: Operator;
    /** One that the host took before its server was replaced. */
    let oldLetter: Letter;

    before(async () => {
        laptop = await TestLaptop.start("upkeep", {
            kind: "container",
            certificateSeconds: 3600,
        });
        operator = new Operator({
            blocks,
            folder: await checkOutFor(laptop, { packages: true }),
            environment: laptop.stack.environment,
            sshFolder: path.join(laptop.folder, "operator", "ssh"),
            answers: { "mailhost:secretEnvironment.WEBHOOK_SIGNATURE_KEY": hooks },
            // The menu is for a terminal, and who follows a log leaves it some time.
            functions: `
mailhost() {
    case $* in
        '') script --quiet --return --command mailhost /dev/null <<<7 ;;
        *--follow*) timeout 3 mailhost "$@" || [ $? = 124 ] ;;
        *) command mailhost "$@" ;;
    esac
}`,
        });
    });
    after(() => laptop?.close());

    /** Port → serial number of the certificate that it serves. */
    async function serials(): Promise<Record<number, string>> {
        const outside = await outsideOf(laptop);
        const entries: [number, string][] = [];
        for (const port of tlsPorts) {
            const socket = await outside.connect(port, outside.hostName, { starttls: port === 25 });
            entries.push([port, new X509Certificate(socket.getPeerCertificate().raw).serialNumber]);
            socket.destroy();
        }
        return Object.fromEntries(entries);
    }

    /** Every accepted letter is in the mailbox, whole. */
    async function allRead(stream: MailStream): Promise<void> {
        const outside = await outsideOf(laptop);
        const mailbox = mailboxAt(laptop);
        const missing = new Set(stream.accepted);
        await readByImap(
            outside,
            mailbox,
            (message) => {
                for (const letter of missing) if (isWhole(message, letter)) missing.delete(letter);
                return missing.size === 0;
            },
            { newest: stream.accepted.length + 50 },
        );
        assert.deepEqual(
            [...missing].map(({ messageId }) => messageId),
            [],
        );
    }

    step("a host under a certificate of one hour", async () => {
        await laptop.up();
        await allProven(laptop);
    });

    step(
        "a renewal while mail is delivered: every port serves the new one, nothing is lost",
        async (t) => {
            const before = { serials: await serials(), starts: await startTimes(laptop) };
            const key = await laptop.ssh(`sha256sum <${data}/ssl/privkey.pem`);
            const outside = await outsideOf(laptop);
            const stream = new MailStream(outside, mailboxAt(laptop));
            const watch = new PortWatch(outside, tlsPorts);
            const { ssh } = await laptop.status();
            const printed = await operator.followOnHost(
                "docs/operations.md",
                "mailhost",
                sshArguments(ssh!),
            );
            await watch.stop();
            await stream.stop();
            assert.match(printed, /Choose 1 to 9, or q to leave: /);
            assert.match(printed, /"well":true/);
            assert.match(printed, /^Usage: mailhost COMMAND$/m);
            assert.deepEqual(watch.failedTwice, []);
            assert.ok(watch.connections > 20, String(watch.connections));
            const now = await serials();
            for (const port of tlsPorts)
                assert.notEqual(now[port], before.serials[port], `port ${port}`);
            assert.equal(new Set(Object.values(now)).size, 1);
            assert.equal(await laptop.ssh(`sha256sum <${data}/ssl/privkey.pem`), key);
            assert.deepEqual(
                (await restartedSince(laptop, before.starts)).filter((name) =>
                    [...databases, "sni-router", "bree", "smtp_bree", "sqlite_bree"].includes(name),
                ),
                [],
            );
            t.diagnostic(
                `accepted ${stream.accepted.length}, at first not ${JSON.stringify([...stream.failures])}`,
            );
            assert.ok(stream.accepted.length > 10);
            assert.ok(stream.worst <= 1, `a letter was not taken ${stream.worst} times`);
            await allRead(stream);
        },
    );

    step(
        "a renewal by the timer that fails leaves the old one in place and is reported; the next succeeds",
        async () => {
            const token = "/root/.cloudflare.ini";
            await laptop.api("POST", "/_laptop/acme", { certificateSeconds: 360 });
            await laptop.ssh("mailhost renew --force");
            await laptop.api("POST", "/_laptop/acme", { certificateSeconds: 3600 });
            const before = { serials: await serials(), starts: await startTimes(laptop) };
            // With less than a third of its life it is due.
            await eventually(
                async () =>
                    (
                        await laptop.trySsh(
                            `openssl x509 -checkend 115 -noout -in ${data}/ssl/cert.pem`,
                        )
                    ).code === 1,
                300,
                "the certificate is due",
            );
            await laptop.ssh(
                `cp -p ${token} ${token}.kept && sed -i 's/=.*/= ${"wrong".repeat(8)}/' ${token}`,
            );
            assert.notEqual(
                (await laptop.trySsh("systemctl start mailhost-renew.service")).code,
                0,
            );
            const said = await laptop.ssh("journalctl -q -o cat -u mailhost-renew.service");
            assert.match(said, /mailhost: error: .*example\.test/);
            assert.match(said, /token/);
            const problems = (await laptop.status(true)).problems;
            assert.equal(problems.length, 1, problems.join("\n"));
            assert.match(
                problems[0]!,
                /^the renewal of certificates failed at \S+: .*example\.test.*mailhost renew$/,
            );
            assert.deepEqual(await serials(), before.serials);
            assert.deepEqual(await restartedSince(laptop, before.starts), []);
            await laptop.ssh(`mv ${token}.kept ${token} && systemctl start mailhost-renew.service`);
            const now = await serials();
            for (const port of tlsPorts)
                assert.notEqual(now[port], before.serials[port], `${port}`);
            assert.deepEqual((await laptop.status(true)).problems, []);
        },
    );

    step(
        "another server while mail is delivered: everything accepted is read, identity and keys stay",
        async (t) => {
            const files = `sha256sum ${data}/.env ${data}/ssl/*.pem ${data}/ssl/dkim.key`;
            const kept = await laptop.ssh(files);
            const stream = new MailStream(await outsideOf(laptop), mailboxAt(laptop));
            oldLetter = writeLetter("stranger@sink.test", mailboxAt(laptop).address);
            await deliver(await outsideOf(laptop), oldLetter);
            await laptop.configure("mailhost:server", {
                ...(await laptop.server()),
                image: String(snapshotImageId),
                system: "debian-13",
            });
            const began = Date.now();
            await laptop.up();
            t.diagnostic(`replaced in ${Math.round((Date.now() - began) / 1000)} s`);
            // Those that wait for the new host are taken by it.
            await mailArrives(laptop);
            await stream.stop();
            t.diagnostic(
                `accepted ${stream.accepted.length}, at first not ${JSON.stringify([...stream.failures])}`,
            );
            assert.equal(await laptop.ssh(files), kept);
            assert.ok(await allHealthy(laptop));
            await allRead(stream);
            await allProven(laptop);
        },
    );

    /**
     * Takes out of the state what only the state knows: every key and password that the program has made for the mail
     * services. The next `up` makes others, as one of a new stack does.
     */
    async function loseSecrets(): Promise<void> {
        const { stdout } = await laptop.pulumi("stack", "export");
        const state = JSON.parse(stdout) as ExportedStack;
        const { resources = [] } = state.deployment;
        const lost = new Set(
            resources
                .map(({ urn }) => urn)
                .filter((urn) =>
                    /::mail-(?:stack-keys-.+|dkim-default|auth-basic-password)$/.test(urn),
                ),
        );
        assert.deepEqual([...lost].map((urn) => urn.split("::").at(-1)).sort(), [
            "mail-auth-basic-password",
            "mail-dkim-default",
            ...["api", "helper-encryption", "smtp-transport", "srs", "txt-encryption"].map(
                (name) => `mail-stack-keys-${name}`,
            ),
            "mail-stack-keys-webhook-signature",
        ]);
        const kept = (urns: unknown) => ((urns ?? []) as string[]).filter((urn) => !lost.has(urn));
        state.deployment.resources = resources
            .filter(({ urn }) => !lost.has(urn))
            .map(({ dependencies, propertyDependencies, ...resource }) => ({
                ...resource,
                dependencies: kept(dependencies),
                propertyDependencies: Object.fromEntries(
                    Object.entries(propertyDependencies ?? {}).map(([name, urns]) => [
                        name,
                        kept(urns),
                    ]),
                ),
            }));
        const { code, stderr } = await laptop.stack.pulumi(
            ["stack", "import", "--stack", "local"],
            { input: JSON.stringify(state) },
        );
        assert.equal(code, 0, stderr);
    }

    /** The secrets in the services' `.env`, by name. */
    async function hostSecrets(): Promise<Record<string, string>> {
        return Object.fromEntries(
            [
                ...(await laptop.ssh(`cat ${data}/.env`)).matchAll(
                    /^(\w*(?:KEY|SECRETS?|PASS(?:WORD)?))=["']?([^"',\n]{32,})/gm,
                ),
            ].map(([, name = "", value = ""]) => [name, value]),
        );
    }

    step("after a lost state the volume's keys are asked for, and nothing is touched", async () => {
        const starts = await startTimes(laptop);
        const files = `cd ${data} && find . -path ./sqlite-data -prune -o -path ./mongo-data -prune -o -path ./redis-data -prune -o -path ./logs -prune -o -type f -print0 | sort -z | xargs -0 sha256sum`;
        const kept = await laptop.ssh(files);
        await loseSecrets();
        const printed = await failedUp(laptop);
        assert.match(printed, /mailhost: error: .*HELPER_ENCRYPTION_KEY/);
        assert.match(
            printed,
            /stack data-key HELPER_ENCRYPTION_KEY" \| pulumi config set --secret mailhost:helperEncryptionKey\n/,
        );
        assert.match(
            printed,
            /stack data-key TXT_ENCRYPTION_KEY" \| pulumi config set --secret mailhost:txtEncryptionKey\n/,
        );
        assert.equal(await laptop.ssh(files), kept);
        assert.deepEqual(await restartedSince(laptop, starts), []);
    });

    step("with its keys adopted the old mail is read, under other secrets", async () => {
        const outside = await outsideOf(laptop);
        const starts = await startTimes(laptop);
        const before = await hostSecrets();
        await operator.follow(
            "docs/operations.md",
            'eval "$(pulumi stack output sshCommand) /usr/local/lib/mailhost/stack data-key HELPER_ENCRYPTION_KEY" | pulumi config set --secret mailhost:helperEncryptionKey',
        );
        await rememberHost(laptop.name, await laptop.stack.outputs());
        assert.deepEqual(await restartedSince(laptop, starts), nodeServices);
        const now = await hostSecrets();
        const adopted = ["HELPER_ENCRYPTION_KEY", "TXT_ENCRYPTION_KEY"];
        assert.deepEqual(
            Object.keys(now).filter((name) => now[name] === before[name]),
            adopted,
        );
        assert.deepEqual(Object.keys(now).sort(), [
            ...["API_SECRETS", "AUTH_BASIC_PASSWORD", "HELPER_ENCRYPTION_KEY"],
            ...["SMTP_TRANSPORT_PASS", "SRS_SECRET", "TXT_ENCRYPTION_KEY"],
            "WEBHOOK_SIGNATURE_KEY",
        ]);
        // The system's new DKIM key signs under the record that went with it.
        const publicKey = await laptop.ssh(
            `openssl pkey -in ${data}/ssl/dkim.key -pubout | grep -v -- ----- | tr -d '\\n'`,
        );
        const published = (await outside.lookup(
            "default._domainkey.example.test",
            "TXT",
        )) as string[][];
        assert.deepEqual(
            published.map((parts) => /;\s*p=([^;]+)/.exec(parts.join(""))?.[1]),
            [publicKey],
        );
        // Many have come in since.
        assert.ok(
            await isThere(outside, mailboxAt(laptop), oldLetter, { newest: Infinity }),
            "the old letter is not there",
        );
        // In and out, with the domain's own DKIM key, which lies encrypted in the database.
        await allProven(laptop);
        const { changes } = await laptop.up("--expect-no-changes");
        assert.deepEqual(Object.keys(changes), ["unchanged"]);
    });

    step("what may be the same as before is given before: the key of web hooks", async () => {
        await operator.type(
            "pulumi config set --secret --path mailhost:secretEnvironment.WEBHOOK_SIGNATURE_KEY",
        );
        await laptop.up();
        assert.equal((await hostSecrets())["WEBHOOK_SIGNATURE_KEY"], hooks);
    });

    describe("a further domain that is removed", () => {
        const name = "mta-sts.second.test";
        const copies = () => laptop.ssh(`ls ${data}/nginx/certificates`);
        /** The names of the certificate that is served under the removed domain's name. */
        const served = async () => {
            const outside = await outsideOf(laptop);
            const socket = await outside.connect(443, name);
            const { subjectAltName = "" } = new X509Certificate(socket.getPeerCertificate().raw);
            socket.destroy();
            return subjectAltName;
        };
        let good: { images: Record<string, string> };

        step("together with an image that does not work is served on", async () => {
            const images = await buildStackImages();
            good = { images: { ...laptop.info.images } };
            const { repository, tag, digest } = images.broken;
            const mail = `${laptop.info.registry.host}/${repository}:${tag}@${digest}`;
            const before = await served();
            assert.match(before, /DNS:mta-sts\.second\.test/);
            const { stdout } = await laptop.pulumi("config", "get", "mailhost:domains");
            await laptop.configure(
                "mailhost:domains",
                (JSON.parse(stdout) as { name: string }[]).filter(
                    (domain) => domain.name !== "second.test",
                ),
            );
            await laptop.configure("mailhost:stack", { images: { ...good.images, mail } });
            const printed = await failedUp(laptop);
            assert.match(printed, /The release before it, \S+, serves again after \d+ s/);
            assert.equal(await served(), before);
            assert.equal(await copies(), "example.test\nsecond.test");
            const renewed = await laptop.trySsh("mailhost renew --force");
            assert.equal(renewed.code, 0, renewed.stdout + renewed.stderr);
            assert.equal(await served(), before);
            assert.equal(await copies(), "example.test\nsecond.test");
            await mailArrives(laptop);
        });

        step("with a release that serves is gone, its certificate too", async () => {
            await laptop.configure("mailhost:stack", good);
            await laptop.up();
            assert.equal(await copies(), "example.test");
            await assert.rejects(served(), /altnames/);
            await mailArrives(laptop);
            const renewed = await laptop.trySsh("mailhost renew --force");
            assert.equal(renewed.code, 0, renewed.stdout + renewed.stderr);
            assert.deepEqual((await laptop.status(true)).problems, []);
            const { changes } = await laptop.up("--expect-no-changes");
            assert.deepEqual(Object.keys(changes), ["unchanged"]);
        });
    });
});
