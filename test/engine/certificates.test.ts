// The host's own script for certificates, at its real paths, against a real ACME server that looks into a real DNS
// server, which the simulated Cloudflare API writes to.
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { createServer, type Server } from "node:tls";
import type { AddressInfo } from "node:net";
import { certificateLineages } from "../../components/certificate/names";
import type { CertificatePlan } from "../../components/certificate/plan";
import { readFacts, type CertificateFacts } from "../../components/certificate/facts";
import { renderCertificateScript, renderDescription } from "../../components/certificate/script";
import { domainSettings } from "../../components/dns/domain-settings";
import { dataMountPoint } from "../../components/host/data-volume";
import { releaseTables } from "../../components/stack/deploy";
import { startPebble, type AcmeServer } from "../../local/cloud/acme/pebble";
import { issueServicesCertificate } from "../../local/cloud/authority";
import type { DnsServer } from "../../local/cloud/dns/dns-server";
import { startKnot } from "../../local/cloud/dns/knot";
import { ensureGoProgram } from "../../local/go-programs/build";
import { cloudflareToken, TestCloudflare } from "../unit/local/cloudflare-api-cloud";
import { context, releaseOf } from "../unit/stack/stacks";
import { CertificateHost, whyNoCertificateHost } from "./support/certificate-host";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-certificates-"));
const store = `${dataMountPoint}/letsencrypt`;
const records = "/var/lib/mailhost/certificates";
const day = 24 * 3600;
/** Holds, from its first moment on, what deployments and renewals wait for. */
const lock = "exec 8>/run/mailhost.lock; flock 8";
/** Until the renewal that was started last waits for that. */
const waits = "until pgrep --parent $! --exact flock >/dev/null; do sleep 0.1; done";

describe("certificates on the host", async () => {
    const missing = await whyNoCertificateHost();
    if (missing !== undefined) {
        test("against an ACME server", (t) => t.skip(missing));
        return;
    }

    let dns: DnsServer;
    let cloudflare: TestCloudflare;
    let acme: AcmeServer;
    let host: CertificateHost;
    let plan: CertificatePlan;

    before(async () => {
        dns = await startKnot({
            directory: path.join(folder, "dns"),
            hosts: ["127.0.0.1"],
            port: 0,
        });
        cloudflare = await TestCloudflare.open(path.join(folder, "cloudflare"), dns);
        await cloudflare.addZone("example.test");
        await cloudflare.addZone("other.test");
        const certificate = await issueServicesCertificate(path.join(folder, "authority"), [
            "127.0.0.1",
            "localhost",
        ]);
        acme = await startPebble({
            program: await ensureGoProgram("pebble", (line) => console.error(line)),
            directory: path.join(folder, "acme"),
            host: "127.0.0.1",
            port: 0,
            nameServer: dns.address,
            certificate,
            rootsFile: path.join(folder, "roots.pem"),
            certificateSeconds: 90 * day,
        });
        plan = {
            authority: {
                directoryUrl: `https://127.0.0.1:${acme.port}/dir`,
                issuer: "ca.test",
            },
            ca: fs.readFileSync(certificate.caFile, "utf8"),
            email: "postmaster@example.test",
            lineages: certificateLineages("example.test", ["other.test"]),
            propagationSeconds: 0,
        };
        host = await CertificateHost.start({ CLOUDFLARE_API_URL: cloudflare.baseUrl });
    });
    after(async () => {
        await host?.stop();
        await acme?.stop();
        await cloudflare?.close();
        await dns?.stop();
        fs.rmSync(folder, { recursive: true, force: true });
    });

    /** What `up` sends. */
    const send = (changes: Partial<CertificatePlan> = {}, token = cloudflareToken) =>
        host.bash(renderCertificateScript({ ...plan, ...changes }, token));

    const issued = async (changes: Partial<CertificatePlan> = {}): Promise<CertificateFacts> => {
        const { code, stdout, stderr } = await send(changes);
        assert.equal(code, 0, stdout + stderr);
        return readFacts(stdout, plan.lineages[0]!.name);
    };

    /** With the host's own certificate alone. */
    const own = () => ({ ...plan, lineages: plan.lineages.slice(0, 1) });

    const live = (lineage: string, file = "cert") =>
        host.read(`${store}/live/${lineage}/${file}.pem`);
    const certificateOf = (lineage: string) => new X509Certificate(live(lineage));
    const digestOf = (certificate: X509Certificate) =>
        createHash("sha256")
            .update(certificate.publicKey.export({ type: "spki", format: "der" }))
            .digest("hex");
    const writes = () => cloudflare.requests().filter(({ method }) => method === "POST").length;

    test("are obtained, one lineage a mail domain, with what DNS needs to know", async () => {
        const facts = await issued();
        assert.deepEqual(facts.keyDigests, {
            "example.test": digestOf(certificateOf("example.test")),
            "other.test": digestOf(certificateOf("other.test")),
        });
        assert.match(facts.accountUri, /^https:\/\/127\.0\.0\.1:\d+\/my-account\/\w+$/);
        assert.deepEqual(certificateOf("example.test").subjectAltName?.split(", ").sort(), [
            "DNS:*.example.test",
            "DNS:example.test",
        ]);
        assert.equal(certificateOf("example.test").publicKey.asymmetricKeyType, "ec");
        assert.equal(host.access("/root/.cloudflare.ini"), "0600 0:0");
        assert.equal(host.access("/etc/mailhost/certificates"), "0644 0:0");
        assert.equal(host.access(store), "0700 0:0");
        assert.equal(host.read("/etc/mailhost/certificates"), renderDescription(plan));
        assert.equal(host.exists(`${dataMountPoint}/ssl`), false);
    });

    test("are not asked for again", async () => {
        const before = { writes: writes(), certificate: live("example.test") };
        await issued();
        assert.deepEqual({ writes: writes(), certificate: live("example.test") }, before);
    });

    test("are placed for those who read them, as files of their own", async () => {
        host.write("/var/lib/mailhost/owners", "mail 990:991\nrouter 101:102\n");
        const first = await host.certificates("install");
        assert.equal(first.code, 0, first.stderr);
        const ssl = `${dataMountPoint}/ssl`;
        const router = `${dataMountPoint}/nginx/certificates`;
        assert.deepEqual(fs.readdirSync(host.path(ssl)).sort(), [
            "cert.pem",
            "chain.pem",
            "fullchain.pem",
            "privkey.pem",
        ]);
        for (const file of fs.readdirSync(host.path(ssl))) {
            assert.equal(host.access(`${ssl}/${file}`), "0400 990:991");
            assert.ok(!fs.lstatSync(host.path(`${ssl}/${file}`)).isSymbolicLink());
            assert.equal(host.read(`${ssl}/${file}`), live("example.test", file.slice(0, -4)));
        }
        assert.equal(host.access(ssl), "0750 990:991");
        for (const lineage of ["example.test", "other.test"]) {
            assert.deepEqual(fs.readdirSync(host.path(`${router}/${lineage}`)).sort(), [
                "fullchain.pem",
                "privkey.pem",
            ]);
            assert.equal(host.access(`${router}/${lineage}/privkey.pem`), "0400 101:102");
            assert.equal(host.read(`${router}/${lineage}/privkey.pem`), live(lineage, "privkey"));
        }
        const second = await host.certificates("install");
        assert.deepEqual([second.code, second.stdout, second.stderr], [0, "", ""]);
    });

    test("follow the owner when the image has another user", async () => {
        host.write("/var/lib/mailhost/owners", "mail 995:995\nrouter 101:102\n");
        assert.equal((await host.certificates("install")).code, 0);
        assert.equal(host.access(`${dataMountPoint}/ssl/privkey.pem`), "0400 995:995");
        assert.equal(
            host.access(`${dataMountPoint}/nginx/certificates/example.test/privkey.pem`),
            "0400 101:102",
        );
    });

    test("are obtained for changed names alone, with the same key", async () => {
        const before = { key: live("other.test", "privkey"), own: live("example.test") };
        const lineages = [
            plan.lineages[0]!,
            { name: "other.test", names: ["mta-sts.other.test", "www.other.test"] },
        ];
        const facts = await issued({ lineages });
        assert.equal(
            certificateOf("other.test").subjectAltName,
            "DNS:mta-sts.other.test, DNS:www.other.test",
        );
        assert.deepEqual({ key: live("other.test", "privkey"), own: live("example.test") }, before);
        assert.equal(facts.keyDigests["other.test"], digestOf(certificateOf("other.test")));
        // Fewer names are no reason: the certificate covers them.
        const count = writes();
        await issued({
            lineages: [lineages[0]!, { name: "other.test", names: ["www.other.test"] }],
        });
        assert.equal(writes(), count);
        await issued();
    });

    test("are obtained from another directory when that is chosen", async () => {
        const before = live("example.test", "privkey");
        const directoryUrl = plan.authority.directoryUrl.replace("127.0.0.1", "localhost");
        await issued({ authority: { ...plan.authority, directoryUrl } });
        assert.match(
            host.read(`${store}/renewal/example.test.conf`),
            /^server = https:\/\/localhost:/m,
        );
        await issued();
        assert.equal(live("example.test", "privkey"), before);
    });

    describe("renewed", () => {
        before(() => host.write("/etc/mailhost/certificates", renderDescription(own())));

        test("by hand: the same key, the router reloaded, readers restarted one after the other", async () => {
            await host.containers([
                { name: "sni-router", label: "reload", age: 600 },
                { name: "smtp", label: "restart", health: "healthy", age: 600 },
                { name: "web", label: "restart", age: 600 },
                { name: "new", label: "restart", age: -600 },
            ]);
            const before = {
                key: live("example.test", "privkey"),
                certificate: live("example.test"),
            };
            const { code, stdout, stderr } = await host.bash("mailhost renew --force");
            assert.equal(code, 0, stdout + stderr);
            assert.equal(live("example.test", "privkey"), before.key);
            assert.notEqual(live("example.test"), before.certificate);
            assert.equal(host.read(`${dataMountPoint}/ssl/cert.pem`), live("example.test"));
            assert.deepEqual(host.containerLog(), [
                "kill --signal HUP sni-router",
                "restart smtp",
                "restart web",
            ]);
            assert.match(host.read(`${records}/last-renew`), /^20\S+ ok\n$/);
        });

        test("not at all while none is due", async () => {
            await host.containers([{ name: "smtp", label: "restart", age: 600 }]);
            const before = live("example.test");
            const { code, stdout } = await host.certificates("renew");
            assert.equal(code, 0);
            assert.match(stdout, /certificate of example\.test: good for \d+ days more/);
            assert.equal(live("example.test"), before);
        });

        test("but a service that does not come back leaves those after it alone", async () => {
            await host.containers([
                { name: "ill", label: "restart", health: "unhealthy", age: 600 },
                {
                    name: "smtp",
                    label: "restart",
                    health: "healthy",
                    healthAfter: "exited",
                    age: 600,
                },
                { name: "web", label: "restart", age: 600 },
            ]);
            await host.bash(
                `sed -i 's/^patience=.*/patience=1/' /usr/local/lib/mailhost/certificates`,
            );
            const { code, stderr } = await host.certificates("renew", "--force");
            assert.equal(code, 1);
            assert.match(stderr, /error: smtp is not healthy 1 s after its restart/);
            assert.match(host.read(`${records}/last-renew`), /failed: smtp is not healthy/);
            assert.deepEqual(host.containerLog(), ["restart ill", "restart smtp"]);
        });

        test("but what Docker refuses stops no other service, and is named", async () => {
            await host.containers([
                { name: "sni-router", label: "reload", age: 600, refused: true },
                { name: "smtp", label: "restart", age: 600, refused: true },
                { name: "imap", label: "restart", health: "healthy", age: 600 },
            ]);
            const { code, stderr } = await host.certificates("renew", "--force");
            assert.equal(code, 1);
            assert.deepEqual(stderr.trim().split("\n"), [
                "mailhost: error: the router does not reload: docker logs sni-router says why",
                "mailhost: error: smtp does not restart: docker logs smtp says why",
            ]);
            assert.deepEqual(host.containerLog(), ["restart imap"]);
            assert.match(
                host.read(`${records}/last-renew`),
                / failed: the router does not reload: docker logs sni-router says why; smtp does not restart: docker logs smtp says why\n$/,
            );
            // The next run makes up for it.
            await host.containers([
                { name: "sni-router", label: "reload", age: 600 },
                { name: "smtp", label: "restart", age: 600 },
            ]);
            assert.equal((await host.certificates("renew")).code, 0);
            assert.deepEqual(host.containerLog(), ["kill --signal HUP sni-router", "restart smtp"]);
        });

        test("but a Docker that does not answer is the reason that is recorded", async () => {
            host.write("/run/docker/silent", "");
            await host.bash(`: >${records}/reload-due`);
            const { code, stderr } = await host.certificates("renew");
            await host.bash("rm /run/docker/silent");
            const reason =
                "Docker does not answer, so nothing serves the new certificate yet: systemctl status docker says why";
            assert.deepEqual([code, stderr], [1, `mailhost: error: ${reason}\n`]);
            assert.match(host.read(`${records}/last-renew`), new RegExp(` failed: ${reason}\n$`));
            await host.containers([{ name: "sni-router", label: "reload", age: 600 }]);
            assert.equal((await host.certificates("renew")).code, 0);
            assert.deepEqual(host.containerLog(), ["kill --signal HUP sni-router"]);
        });

        test("when less than a third of their time is left", async () => {
            await host.containers([]);
            await acme.restart(6 * day);
            assert.equal((await host.certificates("renew", "--force")).code, 0);
            const before = live("example.test");
            assert.equal((await host.certificates("renew")).code, 0);
            assert.equal(live("example.test"), before);
            // As if four days and an hour had passed.
            const later = await host.bash(
                `cat >/usr/local/bin/date <<'END'
#!/bin/sh
if [ "$*" = +%s ]; then echo $(($(/bin/date +%s) + 349200)); else exec /bin/date "$@"; fi
END
chmod 0755 /usr/local/bin/date
/usr/local/lib/mailhost/certificates renew; rm /usr/local/bin/date`,
            );
            assert.equal(later.code, 0, later.stderr);
            assert.match(
                later.stdout,
                /example\.test: asking \S+ \(the present one ends in 1 days\)/,
            );
            assert.notEqual(live("example.test"), before);
        });

        test("and looked at where they are served", async () => {
            const serve = (): Promise<Server> =>
                new Promise((resolve) => {
                    const server = createServer({
                        key: live("example.test", "privkey"),
                        cert: live("example.test", "fullchain"),
                    });
                    server.listen(0, "127.0.0.1", () => resolve(server));
                });
            const before = await serve();
            const portOf = (server: Server) => (server.address() as AddressInfo).port;
            const table = (port: number) =>
                host.write(
                    `${dataMountPoint}/releases/current/verify`,
                    `${port}|implicit|imap.example.test|example.test|imap\n1|implicit|none|example.test|gone\n`,
                );
            const port = portOf(before);
            table(port);
            const wrong = await host.certificates("renew", "--force");
            before.close();
            assert.equal(wrong.code, 1);
            assert.match(
                wrong.stderr,
                new RegExp(
                    `do not serve the certificate that is in \\S+: imap.example.test:${port} \\(imap\\)`,
                ),
            );
            const now = await serve();
            table(portOf(now));
            const right = await host.certificates("renew");
            now.close();
            assert.equal(right.code, 0, right.stderr);
            fs.rmSync(host.path(`${dataMountPoint}/releases`), { recursive: true });
        });
    });

    describe("that can't be obtained", () => {
        /** The last run's whole output, which never holds the token. */
        const says = async (
            expected: 0 | 1,
            changes: Partial<CertificatePlan>,
            token = cloudflareToken,
        ): Promise<string[]> => {
            const { code, stdout, stderr } = await send({ ...own(), ...changes }, token);
            assert.equal(code, expected, stdout + stderr);
            assert.ok(!(stdout + stderr).includes(token));
            if (code === 0) {
                // The facts of the host's own certificate alone.
                const { keyDigests } = readFacts(stdout, "example.test");
                assert.deepEqual(Object.keys(keyDigests), ["example.test"]);
            }
            return stderr.trim().split("\n");
        };
        const added = { name: "new.other.test", names: ["mta-sts.new.other.test"] };
        const withAdded = () => ({ lineages: [...own().lineages, added] });

        test("for a token that Cloudflare refuses: a further domain stops nothing", async () => {
            const before = live("example.test");
            const said = await says(0, withAdded(), "x".repeat(40));
            assert.match(
                said[0] ?? "",
                /^mailhost: warning: certificate of new\.other\.test: Error determining zone_id: 9109 Invalid access token\./,
            );
            assert.deepEqual(said.slice(1), [
                "mailhost: warning: Cloudflare refuses the token: it was revoked, expired, is limited to other addresses, or may not edit the zone of new.other.test. Give one (certificate.cloudflareApiToken) with the permissions Zone: Read and DNS: Edit for it, then pulumi up",
                "mailhost: warning: there is no certificate that will do for new.other.test: until there is, browsers and mail servers refuse mta-sts.new.other.test, all else works. The host tries twice a day; once the cause is mended (see above), mailhost renew on the host tries at once",
            ]);
            assert.equal(live("example.test"), before);
        });

        test("for the host's own: what served serves on", async () => {
            const before = live("example.test");
            const lineages = [
                { name: "example.test", names: ["example.test", "www.absent.test"] },
                added,
            ];
            const said = await says(1, { lineages }, "x".repeat(40));
            assert.equal(
                said.at(-1),
                "mailhost: error: there is no certificate that will do for example.test, the host's own, see above: what served before serves on",
            );
            assert.match(said.join("\n"), /warning: certificate of new\.other\.test: Error/);
            assert.equal(live("example.test"), before);
        });

        test("for a zone that the token does not see", async () => {
            const names = ["mta-sts.absent.test"];
            const said = await says(0, {
                lineages: [...own().lineages, { name: "absent.test", names }],
            });
            assert.match(said[0] ?? "", /Unable to determine zone_id for mta-sts\.absent\.test/);
            assert.match(said[1] ?? "", /shows this token no zone for absent\.test/);
        });

        test("from a directory that nobody answers at, or that is not trusted", async () => {
            const authority = { ...plan.authority, directoryUrl: "https://127.0.0.1:1/dir" };
            const refused = await says(1, { ...withAdded(), authority });
            assert.match(refused[1] ?? "", /127\.0\.0\.1:1\/dir can't be reached from this host/);
            const untrusted = await says(0, { ...withAdded(), ca: undefined });
            assert.match(untrusted[1] ?? "", /shows a certificate that this host does not trust/);
        });

        test("where the authority does not see the challenge", async () => {
            const publish = dns.publish.bind(dns);
            dns.publish = () => Promise.resolve();
            const said = await says(0, withAdded());
            dns.publish = publish;
            assert.match(said[0] ?? "", /certificate of new\.other\.test: .*TXT record/);
            assert.match(
                said[1] ?? "",
                /did not see the challenge: the registrar of new\.other\.test/,
            );
        });

        test("but not needed yet is a warning, and a failed renewal", async () => {
            // The directory that is described is the one before, which answers no more.
            host.write("/etc/mailhost/certificates", renderDescription(own()));
            host.write("/root/.cloudflare.ini", `dns_cloudflare_api_token = ${"x".repeat(40)}\n`);
            const before = live("example.test");
            const { code, stderr } = await host.certificates("renew", "--force");
            assert.equal(code, 1);
            assert.match(stderr, /the present one stays in place, \d days are left/);
            const reason =
                /not renewed: example\.test \(Error determining zone_id: 9109 .*\); see above/;
            assert.match(stderr, reason);
            assert.match(host.read(`${records}/last-renew`), reason);
            assert.equal(live("example.test"), before);
            assert.equal(host.read(`${dataMountPoint}/ssl/cert.pem`), before);
        });
    });

    test("are obtained with a new account and the same key when the authority lost the account", async () => {
        const before = live("example.test", "privkey");
        const known = await issued(own());
        await acme.stop();
        fs.rmSync(path.join(folder, "acme", "accounts.json"));
        await acme.restart(90 * day);
        const { code, stdout, stderr } = await host.certificates("renew", "--force");
        assert.equal(code, 1, stdout + stderr);
        assert.match(stdout, /does not know this host's account any more/);
        assert.match(
            stderr,
            /^mailhost: error: DNS records name what is no more: the account at \S+ \(CAA records\), changed here since/,
        );
        assert.equal(live("example.test", "privkey"), before);
        assert.notEqual((await issued(own())).accountUri, known.accountUri);
        assert.equal((await host.certificates("renew")).code, 0);
    });

    test("of another key end each renewal as failed until the program was told", async () => {
        const before = live("example.test");
        await host.bash(`: >${store}/live/example.test/privkey.pem`);
        for (const attempt of [1, 2]) {
            const { code, stderr } = await host.certificates("renew");
            assert.equal(code, 1, `attempt ${attempt}`);
            const last = stderr.trim().split("\n").at(-1) ?? "";
            assert.equal(
                last,
                "mailhost: error: DNS records name what is no more: the key of the certificate of example.test (TLSA records), changed here since they were written. Write them again at once: pulumi up --replace '**certificate-issue'",
            );
            assert.match(host.read(`${records}/last-renew`), / failed: DNS records name what/);
        }
        assert.notEqual(live("example.test"), before);
        assert.equal(host.read(`${dataMountPoint}/ssl/cert.pem`), live("example.test"));
        const facts = await issued(own());
        assert.equal(facts.keyDigests["example.test"], digestOf(certificateOf("example.test")));
        assert.equal((await host.certificates("renew")).code, 0);
    });

    test("that an attempt left broken are obtained under their own name", async () => {
        host.write(`${store}/renewal/third.other.test.conf`, "");
        host.write(`${store}/live/third.other.test/README`, "");
        const third = { name: "third.other.test", names: ["third.other.test"] };
        const facts = await issued({ lineages: [...own().lineages, third] });
        assert.equal(facts.keyDigests["third.other.test"], digestOf(certificateOf(third.name)));
        assert.equal(host.exists(`${store}/live/third.other.test-0001`), false);
    });

    test("of a domain that is gone stay with the router while a release serves them", async () => {
        const folders = () =>
            fs.readdirSync(host.path(`${dataMountPoint}/nginx/certificates`)).sort();
        /** A release as the product renders it; nobody listens at its ports. */
        const table = (...names: string[]) => {
            const domains = names.map((name) => domainSettings({ name }, plan.email));
            const release = releaseOf({}, {}, { ...context, domain: names[0]!, domains });
            const addresses = { ipv4: "", ipv6: "" };
            return releaseTables({ release, addresses, login: "" })["verify"]!.replaceAll(
                /^\d+/gm,
                "1",
            );
        };
        const [both, without] = [table("example.test", "other.test"), table("example.test")];
        assert.match(both, /^1\|implicit\|mta-sts\.other\.test\|other\.test\|sni-router$/m);
        assert.doesNotMatch(without, /other\.test/);
        const releases = (current: string, good: string) => {
            host.write(`${dataMountPoint}/releases/current/verify`, current);
            host.write(`${dataMountPoint}/releases/good/verify`, good);
        };
        /** Installs, and renews by hand and by timer; neither takes away what is served. */
        const remaining = async () => {
            for (const [command, ...args] of [["install"], ["renew", "--force"], ["renew"]]) {
                const { code, stderr } = await host.certificates(command!, ...args);
                assert.deepEqual([code, stderr], [0, ""]);
            }
            return folders();
        };
        // The domain is removed from the description first, then a deployment takes it from the router.
        releases(both, both);
        await issued(own());
        assert.deepEqual(await remaining(), ["example.test", "other.test"]);
        releases(without, both);
        assert.deepEqual(await remaining(), ["example.test", "other.test"]);
        // That fails, and the release before serves again.
        releases(both, both);
        assert.deepEqual(await remaining(), ["example.test", "other.test"]);
        // Another one succeeds.
        releases(without, without);
        assert.deepEqual(await remaining(), ["example.test"]);
        // What is on its way, or broke off, is served as well.
        releases(both, without);
        assert.deepEqual(await remaining(), ["example.test", "other.test"]);
        fs.rmSync(host.path(`${dataMountPoint}/releases`), { recursive: true });
    });

    describe("whose key does not belong to them", () => {
        const ssl = `${dataMountPoint}/ssl/fullchain.pem`;
        const router = `${dataMountPoint}/nginx/certificates/other.test/privkey.pem`;
        before(() => host.write("/etc/mailhost/certificates", renderDescription(plan)));

        /** Installs while this lineage's key is another one. */
        const installed = async (lineage: string) => {
            const key = `${store}/live/${lineage}/privkey.pem`;
            await host.bash(
                `cp ${key} /run/kept && openssl ecparam -name prime256v1 -genkey -noout >/run/key && cat /run/key >${key}`,
            );
            const ended = await host.certificates("install");
            await host.bash(`cat /run/kept >${key}`);
            return ended;
        };
        const complaint = (kind: string, lineage: string) =>
            `mailhost: ${kind}: in ${store}/live/${lineage}, certificate and private key do not belong together: they were not placed. mailhost renew on the host obtains new ones\n`;

        test("are not placed: the host's own is an error, and stops no other", async () => {
            const placed = host.read(ssl);
            await host.bash(`rm -rf ${path.dirname(router)}`);
            const { code, stderr } = await installed("example.test");
            assert.deepEqual([code, stderr], [1, complaint("error", "example.test")]);
            assert.equal(host.read(ssl), placed);
            assert.equal(host.read(router), live("other.test", "privkey"));
        });

        test("are not placed: a further domain's is a warning, and the copy before stays", async () => {
            const placed = host.read(router);
            const { code, stderr } = await installed("other.test");
            assert.deepEqual([code, stderr], [0, complaint("warning", "other.test")]);
            assert.equal(host.read(router), placed);
        });
    });

    test("make services take what is placed when a deployment asks for it", async () => {
        await host.bash(`rm ${dataMountPoint}/ssl/fullchain.pem`);
        await host.containers([
            { name: "sni-router", label: "reload", age: 600 },
            { name: "smtp", label: "restart", health: "healthy", age: 600 },
        ]);
        assert.equal((await host.certificates("install")).code, 0);
        assert.deepEqual(host.containerLog(), []);
        assert.equal((await host.certificates("reload")).code, 0);
        assert.deepEqual(host.containerLog(), ["kill --signal HUP sni-router", "restart smtp"]);
        // Somebody's own certbot: both at once, and not amid another script's work.
        await host.bash(`rm ${dataMountPoint}/ssl/fullchain.pem`);
        await host.containers([{ name: "smtp", label: "restart", health: "healthy", age: 600 }]);
        const waited = await host.bash(
            `${lock}; begun=$SECONDS; (sleep 2; flock --unlock 8) &
/usr/local/lib/mailhost/certificates hook >/dev/null || exit; echo $((SECONDS - begun))`,
        );
        assert.ok(Number(waited.stdout) >= 1, waited.stdout + waited.stderr);
        assert.deepEqual(host.containerLog(), ["restart smtp"]);
        await host.containers([]);
    });

    test("wait for a deployment, and not for the script that they are part of", async () => {
        const waited = await host.bash(
            `${lock}; begun=$SECONDS; (sleep 2; flock --unlock 8) &
/usr/local/lib/mailhost/certificates renew >/dev/null; echo $((SECONDS - begun))`,
        );
        assert.ok(Number(waited.stdout) >= 1, waited.stdout + waited.stderr);
        const within = await host.bash(
            `exec 9>/run/mailhost.lock; flock 9; timeout 100 /usr/local/lib/mailhost/certificates renew`,
        );
        assert.equal(within.code, 0, within.stderr);
    });

    test("that are cut off while they wait are no success, and go by what is described afterwards", async () => {
        const cut = await host.bash(
            `${lock}; /usr/local/lib/mailhost/certificates renew & ${waits}
kill $! $(pgrep --parent $!); wait $! || true
cat /var/lib/mailhost/certificates/last-renew`,
        );
        assert.match(cut.stdout, /^\S+ failed: it was interrupted$/m);
        const late = await host.bash(
            `${lock}
mv /etc/mailhost/certificates /etc/mailhost/aside; /usr/local/lib/mailhost/certificates renew & ${waits}
mv /etc/mailhost/aside /etc/mailhost/certificates; flock --unlock 8; code=0; wait $! || code=$?; echo "ended $code"`,
        );
        assert.match(late.stdout, /^ended 0$/m, late.stdout + late.stderr);
    });

    describe("that the authority refuses", () => {
        /** Plays a certbot that fails with these words; returns what the script makes of them. */
        const refused = async (words: string): Promise<string[]> => {
            host.write(
                "/usr/local/bin/certbot",
                `#!/bin/sh\necho asked >>/run/asked\ncat >&2 <<'END'\n${words}\nEND\nexit 1\n`,
                0o755,
            );
            const { code, stderr } = await host.certificates("renew", "--force");
            assert.equal(code, 1);
            return stderr.trim().split("\n");
        };
        before(() => host.write("/etc/mailhost/certificates", renderDescription(own())));
        after(() => host.bash("rm -f /usr/local/bin/certbot"));

        test("by a CAA record", async () => {
            const said = await refused(`Saving debug log to /tmp/letsencrypt.log
Some challenges have failed.
  Domain: example.test
  Type:   caa
  Detail: While processing CAA for example.test: CAA record for example.test prevents issuance`);
            assert.equal(
                said[0],
                "mailhost: warning: certificate of example.test: While processing CAA for example.test: CAA record for example.test prevents issuance",
            );
            assert.match(
                said[1] ?? "",
                /A CAA record of example\.test or a parent forbids .* With caa\.accountBinding .* set it to false, pulumi up, and to true again$/,
            );
        });

        test("an account: what is missing is named, and asked for again", async () => {
            await host.bash(`mv ${store}/accounts /run/accounts`);
            for (const attempt of [1, 2]) {
                await refused("Max retries exceeded");
                const { code, stdout, stderr } = await host.certificates("issue");
                assert.equal(code, 1, `attempt ${attempt}`);
                assert.match(
                    stdout,
                    /example\.test: asking \S+ \(this host has no account there\)/,
                );
                assert.match(stderr, /warning: certificate of example\.test: Max retries exceeded/);
                assert.match(
                    stderr,
                    /error: the certificates are good, but this host has no account at \S+, which CAA records have to name: see above/,
                );
            }
            await host.bash(`mv /run/accounts ${store}/accounts`);
        });

        test("for too many requests: not asked again before the time that it says", async () => {
            const until = new Date(Date.now() + 7_200_000).toISOString();
            const time = until.slice(0, 19).replace("T", " ");
            const said = await refused(
                `There were too many requests of a given type :: too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after ${time} UTC: see https://letsencrypt.org/docs/rate-limits/`,
            );
            assert.match(said[0] ?? "", /too many certificates \(5\) already issued/);
            assert.match(
                said[1] ?? "",
                new RegExp(`it is not asked again before ${time.slice(0, 16)} UTC`),
            );
            const asked = host.read("/run/asked");
            const again = await host.certificates("renew", "--force");
            assert.equal(again.code, 1);
            assert.match(again.stderr, /had too many requests and is not asked again before/);
            assert.equal(host.read("/run/asked"), asked);
            // Something else is another question.
            const names = [...own().lineages[0]!.names, "*.sub.example.test"];
            const other = { ...own(), lineages: [{ name: "example.test", names }] };
            host.write("/etc/mailhost/certificates", renderDescription(other));
            await host.certificates("renew");
            assert.notEqual(host.read("/run/asked"), asked);
        });
    });

    test("are not touched while the data volume is not mounted", async () => {
        for (const command of ["issue", "renew", "install", "reload", "hook"]) {
            const { code, stderr } = await host.bash(
                `umount ${dataMountPoint}; code=0; /usr/local/lib/mailhost/certificates ${command} || code=$?; ls -A ${dataMountPoint}; mount -t tmpfs tmpfs ${dataMountPoint}; exit $code`,
            );
            assert.equal(code, 1);
            assert.match(
                stderr,
                /error: the data volume is not mounted at \S+, nothing was written/,
            );
        }
        assert.match(host.read(`${records}/last-renew`), / failed: the data volume is not mounted/);
    });
});
