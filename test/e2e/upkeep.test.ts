// What has to go on while a mail host is looked after, on the container kind: renewals, another server, an old volume
// under new keys. The steps build on each other.
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, before, describe } from "node:test";
import {
    deliver,
    isWhole,
    readByImap,
    writeLetter,
    type Letter,
} from "../../local/proof/mail-client";
import { snapshotImageId } from "../../local/image/build-image";
import {
    allHealthy,
    databases,
    failedUp,
    isThere,
    mailArrives,
    mailboxAt,
    MailStream,
    outsideOf,
    PortWatch,
    proofsOf,
    restartedSince,
    startTimes,
} from "./support/mail-host";
import { orderedSteps } from "./support/steps";
import { eventually, minutes, TestLaptop } from "./support/test-laptop";

const data = "/root/forwardemail.net/self-hosting";
const tlsPorts = [25, 443, 465, 993, 995];

describe("looking after a mail host", { timeout: minutes(40) }, () => {
    const step = orderedSteps();
    let laptop: TestLaptop;
    /** One that the host took before its server was replaced. */
    let oldLetter: Letter;

    before(async () => {
        laptop = await TestLaptop.start("upkeep", {
            kind: "container",
            certificateSeconds: 3600,
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

    async function giveKey(key: string, value: string): Promise<void> {
        const { code, stderr } = await laptop.stack.pulumi(
            ["config", "set", "--stack", "local", "--secret", `mailhost:${key}`],
            { input: value },
        );
        assert.equal(code, 0, stderr);
    }

    step("a host under a certificate of one hour", async () => {
        await laptop.up();
        assert.deepEqual(
            (await proofsOf(laptop)).filter(({ ok }) => !ok),
            [],
        );
    });

    step(
        "a renewal while mail is delivered: every port serves the new one, nothing is lost",
        async (t) => {
            const before = { serials: await serials(), starts: await startTimes(laptop) };
            const key = await laptop.ssh(`sha256sum <${data}/ssl/privkey.pem`);
            const outside = await outsideOf(laptop);
            const stream = new MailStream(outside, mailboxAt(laptop));
            const watch = new PortWatch(outside, tlsPorts);
            await laptop.ssh("mailhost renew --force");
            await watch.stop();
            await stream.stop();
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
            await laptop.api("POST", "/_laptop/acme", { certificateSeconds: 240 });
            await laptop.ssh("mailhost renew --force");
            await laptop.api("POST", "/_laptop/acme", { certificateSeconds: 3600 });
            const before = { serials: await serials(), starts: await startTimes(laptop) };
            // With less than a third of its life it is due.
            await eventually(
                async () =>
                    (
                        await laptop.trySsh(
                            `openssl x509 -checkend 75 -noout -in ${data}/ssl/cert.pem`,
                        )
                    ).code === 1,
                200,
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
            assert.deepEqual(
                (await proofsOf(laptop)).filter(({ ok }) => !ok),
                [],
            );
        },
    );

    step("an old volume under new keys is refused, and nothing is touched", async () => {
        const starts = await startTimes(laptop);
        const files = `cd ${data} && find . -path ./sqlite-data -prune -o -path ./mongo-data -prune -o -path ./redis-data -prune -o -path ./logs -prune -o -type f -print0 | sort -z | xargs -0 sha256sum`;
        const kept = await laptop.ssh(files);
        // As after a lost state: the program has others.
        await giveKey("helperEncryptionKey", "0therKeyThanTheVolumesDataHas000");
        await giveKey("txtEncryptionKey", "abcdef0123456789abcdef0123456789");
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

    step("with its keys adopted, the old mail is read", async () => {
        const outside = await outsideOf(laptop);
        const starts = await startTimes(laptop);
        for (const [variable, key] of [
            ["HELPER_ENCRYPTION_KEY", "helperEncryptionKey"],
            ["TXT_ENCRYPTION_KEY", "txtEncryptionKey"],
        ] as const) {
            const value = await laptop.ssh(`/usr/local/lib/mailhost/stack data-key ${variable}`);
            await giveKey(key, value);
        }
        await laptop.up();
        assert.deepEqual(
            (await restartedSince(laptop, starts)).filter((name) => databases.includes(name)),
            [],
        );
        // Many have come in since.
        assert.ok(
            await isThere(outside, mailboxAt(laptop), oldLetter, { newest: Infinity }),
            "the old letter is not there",
        );
        await mailArrives(laptop);
        const { changes } = await laptop.up("--expect-no-changes");
        assert.deepEqual(Object.keys(changes), ["unchanged"]);
    });
});
