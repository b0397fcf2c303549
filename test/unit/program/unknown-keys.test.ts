import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { everyKey } from "../../../program/config-forms";
import { groups } from "../../../program/config-keys";
import { testEach, type BadConfig } from "./support/bad-config";
import { lines, source } from "./support/config-source";

const cases: BadConfig[] = [
    {
        name: "unknown keys that resemble others in nothing but their group",
        changes: {
            "mailhost:server": { sshAllowedCidrs: ["203.0.113.0/24"], ram: 8, cpus: 4 },
            "mailhost:dns": { ttl: 60 },
            "mailhost:certificate": { key: "rsa" },
            "mailhost:mx": "mx.example.com",
        },
        expected: [
            "mailhost:mx: There is no such key. Remove it. Known here: domain, email, server, dns, domains, certificate, systemDkim, stack, protect, authBasicUsername, rebootTime, debug, secretDelivery, cloudflareApiToken, sshPrivateKey, helperEncryptionKey, txtEncryptionKey, secretEnvironment.",
            ...["ram", "cpus"].map(
                (key) =>
                    `mailhost:server.${key}: There is no such key. Remove it. Known here: provider, type, location, sshAllowedCidrs, image, system, volumeSizeGb, authorizedKeys, architecture, size, region, memoryGb, project, ipv4, ipv6, sshHost, sshPort, sshHostKey, dataDevice, memoryMb.`,
            ),
            "mailhost:dns.ttl: There is no such key. Remove it. Known here: provider, dnssec, recordsPerZone, adopt.",
            "mailhost:certificate.key: There is no such key. Remove it. Known here: authority, issuer, ca, propagationSeconds.",
        ],
    },
    {
        name: "a key of a misspelt group",
        changes: { "mailhost:dn.provider": "cloudflare" },
        expected: [
            "mailhost:dn.provider: There is no such key. Did you mean mailhost:dns.provider? Rename or remove it.",
        ],
    },
    {
        name: "a misspelt key within the group that it belongs to, before the same word elsewhere",
        changes: {
            "mailhost:server": { sshAllowedCidrs: ["203.0.113.0/24"], sizes: "s-4vcpu-8gb" },
            "mailhost:dns": { provder: "manual" },
            "mailhost:server.typ": "cax21",
        },
        expected: [
            "mailhost:server.typ: There is no such key. Did you mean mailhost:server.type? Rename or remove it.",
            "mailhost:server.sizes: There is no such key. Did you mean mailhost:server.size? Rename or remove it.",
            "mailhost:dns.provder: There is no such key. Did you mean mailhost:dns.provider? Rename or remove it.",
        ],
    },
];

/** The least number of characters to insert, delete or replace, a pair that was swapped counting as two. */
function changesBetween(a: string, b: string): number {
    if (a === "" || b === "") return a.length + b.length;
    let row = [...b, ""].map((_, column) => column);
    for (const [at, character] of [...a].entries())
        row = row.reduce<number[]>((next, above, column) => {
            const left = next[column - 1];
            const diagonal = row[column - 1];
            next.push(
                left === undefined || diagonal === undefined
                    ? at + 1
                    : Math.min(
                          above + 1,
                          left + 1,
                          diagonal + (b[column - 1] === character ? 0 : 1),
                      ),
            );
            return next;
        }, []);
    return row.at(-1) ?? 0;
}

describe("unknown keys of the configuration", () => {
    testEach(cases);

    it("proposes only keys that resemble the unknown one, and lists what there is where none does", () => {
        const word = fc.oneof(
            fc.stringMatching(/^[a-z][a-zA-Z]{0,11}$/),
            fc
                .tuple(fc.constantFrom(...everyKey), fc.nat(20), fc.constantFrom("", "x", "Q"))
                .map(([key, at, put]) => {
                    const name = key.slice(key.lastIndexOf(".") + 1);
                    const place = at % name.length;
                    return name.slice(0, place) + put + name.slice(place + 1);
                }),
        );
        const place = fc.constantFrom("", ...Object.keys(groups).map((name) => `${name}.`));
        let proposals = 0;
        fc.assert(
            fc.property(place, word, (before, name) => {
                fc.pre(name !== "" && !everyKey.includes(before + name));
                const unknown =
                    before === ""
                        ? { [`mailhost:${name}`]: "x" }
                        : { [`mailhost:${before.slice(0, -1)}`]: { [name]: "x" } };
                const [line = ""] = lines(source(unknown)).filter((one) =>
                    one.startsWith(`mailhost:${before}${name}: There is no such key.`),
                );
                const [, proposed] =
                    /Did you mean mailhost:(.*)\? Rename or remove it\.$/.exec(line) ?? [];
                if (proposed === undefined)
                    return assert.match(line, / Remove it\. Known here: \w+, /);
                proposals++;
                const last = proposed.slice(proposed.lastIndexOf(".") + 1);
                const third = Math.max(name.length, last.length) / 3;
                assert.ok(
                    changesBetween(name.toLowerCase(), last.toLowerCase()) <= 2 * third,
                    line,
                );
                assert.ok(Math.abs(name.length - last.length) <= third, line);
            }),
            { numRuns: 1000 },
        );
        assert.ok(proposals > 100, `${proposals} proposals`);
    });
});
