// A story: what a test makes is there for those after it.
import * as assert from "node:assert/strict";
import * as path from "node:path";
import { before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ZoneRecord } from "../../local/cloud/dns/dns-server";
import { readSinkLog } from "../../local/cloud/sink/sink-log";
import { sinkHost } from "../../local/cloud/sink/sink-zone";
import { Administrator, everything, greeted } from "./support/stand-in-client";
import { address, domain, host, onStandInMachine } from "./support/stand-in-machine";

onStandInMachine("the stand-in of the mail image as a sender", __filename, (machine) => {
    const admin = new Administrator(machine);
    const { me } = admin;
    const publish = async (records: ZoneRecord[]) =>
        machine.dns.publish({ name: domain, signed: false, records });

    describe("sends mail", () => {
        before(async () => {
            await machine.startAll();
            await admin.register();
        });

        test("nothing is taken for sending before DNS is right", async () => {
            await assert.rejects(admin.send(admin.submission(), me, "proof@sink.test", "Early"), {
                responseCode: 535,
                response: "535 5.7.1 Error: the domain is pending admin approval for outbound SMTP",
            });
            const refused = await admin.askApi("GET", `/v1/domains/${domain}/verify-smtp`);
            assert.equal(refused.status, 400);
            assert.match(JSON.stringify(refused.body), /CNAME fe-bounces\.example\.test has to be/);
        });

        test("the list is complete once everything is published; then the domain may send", async () => {
            await publish(records(await admin.checks()));
            await publishPointer();
            const list = await admin.checks();
            assert.deepEqual(
                list.checklist.filter(({ ok }) => !ok),
                [],
            );
            assert.equal(list.complete, true);
            for (const what of ["verify-records", "verify-smtp"]) {
                const verified = await admin.askApi("GET", `/v1/domains/${domain}/${what}`);
                assert.equal(verified.status, 200, JSON.stringify(verified.body));
            }
            const { has_smtp } = (await admin.askApi("GET", `/v1/domains/${domain}`)).body as {
                has_smtp: boolean;
            };
            assert.equal(has_smtp, true);
        });

        const publishPointer = () =>
            machine.dns.publish({
                ...{ name: "200.18.198.in-addr.arpa", signed: false },
                records: [record("10.200.18.198.in-addr.arpa", "PTR", `${host}.`)],
            });

        const faults: [code: string, change: (records: ZoneRecord[]) => ZoneRecord[]][] = [
            [
                "INVALID_DKIM_SIGNATURE",
                (all) => all.filter(({ name }) => !name.includes("._domainkey.")),
            ],
            [
                "INVALID_RETURN_PATH",
                (all) =>
                    all.map((one) => (one.type === "CNAME" ? { ...one, rdata: `${host}.` } : one)),
            ],
            [
                "INVALID_SPF_RESULT",
                (all) =>
                    all.map((one) =>
                        one.rdata.startsWith('"v=spf1')
                            ? { ...one, rdata: '"v=spf1 ip4:198.18.200.99 -all"' }
                            : one,
                    ),
            ],
            [
                "INVALID_DMARC_RESULT",
                (all) => all.filter(({ name }) => !name.startsWith("_dmarc.")),
            ],
        ];
        for (const [code, change] of faults) {
            test(`what is queued is refused: ${code}`, async () => {
                const right = records(await admin.checks());
                await publish(change(right));
                const response = await admin.send(admin.submission(), me, "proof@sink.test", code);
                const email = await settled(admin, response);
                assert.deepEqual([email.status, email.error?.code], ["rejected", code]);
                await machine.running.get("smtp-bree.js")!.says(new RegExp(code));
                await publish(right);
            });
        }

        test("what is sent passes a careful receiver", async () => {
            const response = await admin.send(admin.submission(), me, "proof@sink.test", "Sent");
            assert.match(response, /^250 2\.0\.0 OK: queued as [0-9a-f]{24}$/);
            const email = await settled(admin, response);
            assert.deepEqual([email.status, email.error], ["sent", null]);
            const [line] = readSinkLog(path.join(machine.folder, "sink.log"));
            assert.equal(line?.from, `bounce+${email.id}@fe-bounces.${domain}`);
            assert.deepEqual([line.ehlo, line.ehloConfirmed, line.subject], [host, true, "Sent"]);
            assert.deepEqual(line.spf, { result: "pass", domain: `fe-bounces.${domain}` });
            assert.equal(line.dkim.length, 1);
            assert.deepEqual(
                [line.dkim[0]?.result, line.dkim[0]?.aligned, line.dkim[0]?.domain],
                ["pass", true, domain],
            );
            assert.equal(line.dmarc?.result, "pass");
            assert.ok(line.tls);
        });

        test("what the other server refuses bounces", async () => {
            const mx = record("other.test", "MX", `10 ${sinkHost}.`);
            await machine.dns.publish({ name: "other.test", signed: false, records: [mx] });
            const response = await admin.send(
                admin.submission(),
                me,
                "someone@other.test",
                "Refused",
            );
            const email = await settled(admin, response);
            assert.deepEqual([email.status, email.error?.code], ["bounced", "550"]);
        });

        test("a server that is away is tried again", async () => {
            await machine.sink.stop();
            const response = await admin.send(admin.submission(), me, "proof@sink.test", "Away");
            const email = await settled(admin, response);
            assert.deepEqual([email.status, email.attempts], ["deferred", 1]);
            assert.match(email.error?.message ?? "", /ECONNREFUSED/);
        });

        for (const [what, from, login] of [
            ["another's address", `you@${domain}`, () => ({ user: me, pass: admin.password })],
            ["a wrong password", me, () => ({ user: me, pass: "wrong" })],
        ] as const) {
            test(`submission refuses ${what}`, async () => {
                const transport = { ...admin.submission(), auth: login() };
                const code = what === "a wrong password" ? 535 : 553;
                await assert.rejects(admin.send(transport, from, "proof@sink.test", "No"), {
                    responseCode: code,
                });
            });
        }

        test("with STARTTLS on 587 nobody logs in without it", async () => {
            const second = await machine.start("smtp.js", { SMTP_PORT: "587" }, "smtp_starttls");
            const transport = { ...admin.submission(), port: 587, secure: false, requireTLS: true };
            assert.match(await admin.send(transport, me, "proof@sink.test", "587"), /^250 /);
            const socket = await greeted(587);
            socket.write("EHLO client.test\r\nAUTH PLAIN AGEAYg==\r\nQUIT\r\n");
            const said = await everything(socket);
            assert.match(said, /^250[- ]STARTTLS\r$/m);
            assert.match(said, /^538 /m);
            assert.equal(await second.stop(), 0);
        });
    });
});

const record = (name: string, type: string, rdata: string): ZoneRecord => ({
    ...{ name, type, rdata, ttl: 300 },
});

/** What a checklist asks for, as records of the zone. */
function records({ checklist }: { checklist: { name: string; type: string; value: string }[] }) {
    const strings = (text: string) =>
        (text.match(/.{1,250}/g) ?? []).map((part) => `"${part}"`).join(" ");
    return [
        record(domain, "A", address),
        ...checklist
            .filter(({ type }) => type !== "PTR")
            .map(({ name, type, value }) =>
                record(
                    ...([name, type] as const),
                    type === "TXT" ? strings(value) : type === "A" ? value : `${value}.`,
                ),
            ),
    ];
}

/** An email of which something has become. */
async function settled(admin: Administrator, response: string): Promise<Email> {
    const id = /queued as (\w+)$/.exec(response)?.[1];
    for (let waited = 0; waited < 120_000; waited += 100) {
        const email = (await admin.askApi("GET", `/v1/emails/${id}`)).body as Email;
        if (email.status !== "queued") return email;
        await sleep(100);
    }
    throw new Error(`Nothing becomes of email ${id}.`);
}

interface Email {
    id: string;
    status: string;
    attempts: number;
    error: { code: string; message: string } | null;
}
