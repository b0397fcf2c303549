import assert from "node:assert/strict";
import { test } from "node:test";
import { localConfig, localDomain, secondDomain } from "../../../local/laptop";
import { describeStatus, stoppedStatus, type LocalStatus } from "../../../local/status";

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

test("the local stack has two mail domains, in signed zones at Cloudflare", () => {
    const config = localConfig();
    assert.equal(config["mailhost:domain"], localDomain);
    assert.deepEqual(config["mailhost:domains"], [{ name: secondDomain }]);
    assert.deepEqual(config["mailhost:dns"], { provider: "cloudflare", dnssec: true });
});
