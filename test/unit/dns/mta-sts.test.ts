import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parsePolicy } from "mailauth/lib/mta-sts";
import { mtaStsPolicy, mtaStsPolicyId } from "../../../components/dns/mta-sts";

test("the policy has a line a field, each ended by CRLF", () => {
    const policy = mtaStsPolicy({
        mode: "enforce",
        hosts: ["mx.example.com", "backup.example.net"],
        maxAgeSeconds: 604_800,
    });
    assert.equal(
        policy,
        "version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\nmx: backup.example.net\r\nmax_age: 604800\r\n",
    );
});

test("what a sender's software reads is what was given", () => {
    const host = fc.stringMatching(/^[a-z]{1,8}\.example\.(com|org)$/);
    fc.assert(
        fc.property(
            fc.constantFrom("enforce" as const, "testing" as const, "none" as const),
            fc.uniqueArray(host, { minLength: 1, maxLength: 5 }),
            fc.integer({ min: 0, max: 31_557_600 }),
            (mode, hosts, maxAgeSeconds) => {
                const read = parsePolicy(mtaStsPolicy({ mode, hosts, maxAgeSeconds }));
                assert.deepEqual(read, {
                    version: "STSv1",
                    mode,
                    mx: hosts,
                    maxAge: maxAgeSeconds,
                });
            },
        ),
    );
});

test("the id is another one for every other policy, and the same for the same", () => {
    const ids = (["testing", "enforce", "none"] as const).flatMap((mode) =>
        [["mx.example.com"], ["mx.example.com", "mx.example.net"]].flatMap((hosts) =>
            [86_400, 604_800].map((maxAgeSeconds) =>
                mtaStsPolicyId(mtaStsPolicy({ mode, hosts, maxAgeSeconds })),
            ),
        ),
    );
    assert.equal(new Set(ids).size, 12);
    for (const id of ids) assert.match(id, /^[A-Za-z0-9]{1,32}$/);
    // A contract: another way to derive it changes the record of every domain.
    assert.equal(
        mtaStsPolicyId("version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n"),
        "94815eb6141fb6e5526888bf66f98f76",
    );
});
