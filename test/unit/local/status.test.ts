import assert from "node:assert/strict";
import { test } from "node:test";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { planDnsRecords } from "../../../components/dns/plan";
import { digitalOceanProblems } from "../../../components/server/digital-ocean-arguments";
import { providerOf } from "../../../local/engine/stack";
import { localConfig, localDomain, secondDomain, withRebuiltImages } from "../../../local/laptop";
import {
    describeStatus,
    stoppedStatus,
    toldProblems,
    urlsOf,
    type LocalStatus,
} from "../../../local/status";

const stopped = stoppedStatus(
    { kind: "container" },
    { project: "mailhost", stack: "local", backend: "file:///state" },
    {},
);

function line(status: LocalStatus, name: string): string | undefined {
    return describeStatus(status)
        .split("\n")
        .find((text) => text.startsWith(`${name} `));
}

test("a cloud that does not run tells scripts so, with every key", () => {
    assert.deepEqual(
        [stopped.dns, stopped.cloudflareApi, stopped.domain, stopped.domains],
        [null, null, null, []],
    );
    const { acme, webAuth, mailbox, urls, proofs } = stopped;
    assert.deepEqual([acme, webAuth, mailbox, urls, proofs], [null, null, null, {}, []]);
    assert.match(describeStatus(stopped), /not running/);
});

test("a person gets a `dig` command to paste, with a port only where one is needed", () => {
    const running = {
        ...{ ...stopped, running: true, domain: "example.test" },
        domains: ["example.test", "second.test"],
    };
    assert.equal(line(running, "dns"), "dns         (none yet)");
    assert.equal(
        line({ ...running, dns: { host: "198.18.1.2", port: 53 } }, "dns"),
        "dns         dig @198.18.1.2 example.test A",
    );
    assert.equal(
        line({ ...running, dns: { host: "127.0.0.1", port: 5300 } }, "dns"),
        "dns         dig @127.0.0.1 -p 5300 example.test A",
    );
    assert.equal(line(running, "domains"), "domains     example.test, second.test");
});

test("a host of which no `up` has told how to log in is not offered for it", () => {
    const keys = { keyFile: "/key", knownHostsFile: "/known_hosts" };
    const ssh = { user: "root", host: "198.18.1.10", port: 22, ...keys };
    const running = { ...stopped, running: true, ssh };
    assert.equal(line(running, "log in"), "log in      (not yet)");
    const known = { ...running, host: "mx.example.test" };
    assert.equal(line(known, "log in"), "log in      npm run local -- ssh");
});

test("the local stack has two mail domains, in signed zones at Cloudflare", () => {
    const config = localConfig();
    assert.equal(config["mailhost:domain"], localDomain);
    assert.deepEqual(config["mailhost:domains"], [{ name: secondDomain }]);
    assert.deepEqual(config["mailhost:dns"], { provider: "cloudflare", dnssec: true });
});

test("the local stack's operator has an address that its host does not serve", () => {
    const config = localConfig();
    const plan = planDnsRecords({
        domain: localDomain,
        email: String(config["mailhost:email"]),
        domains: [{ name: secondDomain }],
        issuer: "pebble.test",
    });
    assert.deepEqual(plan.warnings, []);
});

test("the local stack's server is lent by whom was asked for, and is one that the program takes", () => {
    const keys = (server: unknown) => Object.keys(server as object).sort();
    const common = ["provider", "sshAllowedCidrs", "volumeSizeGb"];
    const ofHetzner = localConfig()["mailhost:server"];
    assert.deepEqual(keys(ofHetzner), [...common, "location", "type"].sort());
    assert.equal(providerOf(ofHetzner), "hetzner");
    const ofOcean = localConfig(undefined, undefined, "digitalocean")["mailhost:server"];
    assert.deepEqual(keys(ofOcean), [...common, "region", "size"].sort());
    assert.equal(providerOf(ofOcean), "digitalocean");
    assert.deepEqual(digitalOceanProblems("server", ofOcean as object), []);
    assert.equal(providerOf(undefined), "hetzner");
});

test("a person gets a `curl` command for the web site, which needs no name server and no store of roots", () => {
    const running: LocalStatus = {
        ...{ ...stopped, running: true, domain: "example.test", urls: urlsOf("example.test") },
        address: { ipv4: "127.0.11.1", ipv6: null },
        ports: { 443: 10443 },
    };
    assert.equal(line(running, "web"), "web         (none yet)");
    const acme = { directory: "https://198.18.1.2:14000/dir", caFile: "/it's/roots.pem" };
    assert.equal(
        line({ ...running, acme }, "web"),
        "web         curl --cacert '/it'\\''s/roots.pem' --connect-to '::127.0.11.1:10443' https://example.test/",
    );
});

test("a person sees which mailbox there is and what was proven, but no password", () => {
    const proof = (name: string, ok: boolean) => ({ name, ok, detail: "", seconds: 1 });
    const running: LocalStatus = {
        ...{ ...stopped, running: true },
        mailbox: { address: "proof@example.test", password: "secret-of-the-mailbox" },
        webAuth: { username: "admin", password: "secret-of-the-site" },
        proofs: [proof("mail in", true), proof("mail out", false), proof("closed", true)],
    };
    assert.equal(line(running, "mailbox"), "mailbox     proof@example.test");
    assert.equal(
        line(running, "proven"),
        "proven      2 of 3 by the last `npm run local`; FAILED: mail out",
    );
    assert.doesNotMatch(describeStatus(running), /secret-of/);
});

test("the host's own status is what is wrong, and silence is told apart from it", () => {
    const told = (code: number, stdout: string, stderr = "") =>
        toldProblems({ code, stdout, stderr });
    const answer = (underWay: string | null, problems: string[], unsettled: string[] = []) =>
        JSON.stringify({ host: "h", well: problems.length === 0, underWay, problems, unsettled });
    assert.deepEqual(told(0, answer(null, [])), []);
    assert.deepEqual(told(1, answer(null, ["a", "b"])), ["a", "b"]);
    // Nothing is hidden here, where somebody waits for the work.
    assert.deepEqual(told(1, answer("it starts", ["a"], ["b"])), ["a", "b (it starts)"]);
    assert.deepEqual(told(255, "", "Warning: x\nssh: connect to host h: Connection refused\n"), [
        "the host does not answer over SSH: ssh: connect to host h: Connection refused",
    ]);
    assert.deepEqual(told(127, "", "bash: mailhost: command not found\n"), [
        "the host is not set up yet: npm run local does that",
    ]);
    assert.deepEqual(told(1, "", "mailhost: error: x\n"), [
        "mailhost status fails on the host: mailhost: error: x",
    ]);
});

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const images = {
    mail: `198.18.1.2:5000/mail:v1@${digest("a")}`,
    mongodb: `198.18.1.2:5000/mongo:8.0@${digest("b")}`,
    redis: `198.18.1.2:5000/redis:7.4@${digest("c")}`,
    router: `198.18.1.2:5000/nginx:1.28@${digest("d")}`,
};

test("the local stack has the laptop's authority, trusted by its text, and the laptop's images", () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sources-"));
    const caFile = path.join(folder, "ca.pem");
    fs.writeFileSync(caFile, "the authority's certificate\n");
    const acme = {
        ...{ directory: "https://198.18.1.2:14000/dir", localDirectory: "https://127.0.0.1:1/dir" },
        ...{ caFile, rootsFile: "/roots.pem" },
    };
    const config = localConfig({ id: 7, system: "debian-13" }, { acme, images });
    fs.rmSync(folder, { recursive: true });
    assert.deepEqual(config["mailhost:certificate"], {
        authority: "https://198.18.1.2:14000/dir",
        issuer: "pebble.test",
        ca: "the authority's certificate\n",
        propagationSeconds: 0,
    });
    assert.deepEqual(config["mailhost:stack"], { images });
    assert.deepEqual([(config["mailhost:server"] as Record<string, unknown>)["image"]], ["7"]);
});

test("an image that was built anew takes the place of the one before, and what the user has set stays", () => {
    assert.equal(withRebuiltImages({ images }, images), undefined);
    assert.equal(withRebuiltImages(undefined, images), undefined);
    assert.equal(withRebuiltImages({ profile: "storage" }, images), undefined);
    const own = `registry.example/mail:v2@${digest("e")}`;
    const current = {
        profile: "storage",
        images: { ...images, mail: own, redis: `198.18.1.2:5000/redis:7.4@${digest("f")}` },
    };
    assert.deepEqual(withRebuiltImages(current, images), {
        profile: "storage",
        images: { ...images, mail: own },
    });
});
