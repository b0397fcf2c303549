import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import {
    cloudflareProblems,
    type CloudflareArgs,
} from "../../../components/dns/cloudflare-arguments";
import { planDnsRecords } from "../../../components/dns/plan";
import type { PlannedRecord } from "../../../components/dns/record";
import { formatProblems } from "../../../components/problem";
import { host } from "./described-host";

const comment = "pulumi-mailhost/mailhost/prod";
const plan = planDnsRecords(host);
const id = "023e105f4ecef8ad9ca31a8372d0c353";

function told(
    args: CloudflareArgs,
    records: readonly PlannedRecord[] = plan.records,
    mark = comment,
): string {
    return formatProblems(cloudflareProblems("dns", args, { records }, mark)).trim();
}

function text(length: number, name = "example.com"): PlannedRecord {
    return {
        ...{ name, role: "text", scope: "host", domain: "example.com", zone: "example.com" },
        ...{ phase: "base", ttl: 300, data: { type: "TXT", text: ["t".repeat(length)] } },
    };
}

describe("the arguments of cloudflare(…)", () => {
    const right: [what: string, args: CloudflareArgs][] = [
        ["none", {}],
        ["a token of 40 characters", { apiToken: `${"aZ09_-".repeat(6)}abcd` }],
        ["a longer one", { apiToken: "c".repeat(53) }],
        ["one that is known later", { apiToken: pulumi.output("short") }],
        ["the ids of records", { adopt: [id, "0".repeat(32)] }],
        ["the comment of a stack's former name", { adopt: ["pulumi-mailhost/old/prod"] }],
        ["exactly as many records as the plan has", { recordsPerZone: plan.records.length }],
    ];
    for (const [what, args] of right) {
        it(`may be ${what}`, () => assert.equal(told(args), ""));
    }

    const idRemedy =
        "Give the ids that the message about the records names, 32 hexadecimal digits, or the comment pulumi-mailhost/<project>/<stack> of this stack's former name.";
    const tokenForm =
        'is not a token of Cloudflare: those have 40 or more of A-Z, a-z, 0-9, "_" and "-". Make one with Zone:Read and DNS:Edit at https://dash.cloudflare.com/profile/api-tokens.';
    const count = plan.records.length;
    const wrong: [what: string, args: CloudflareArgs, message: string][] = [
        [
            "a token that is too short, which is not shown",
            { apiToken: "hidden" },
            `dns.apiToken: The value (not shown, 6 characters) ${tokenForm}`,
        ],
        [
            "one of 39 characters",
            { apiToken: "c".repeat(39) },
            `dns.apiToken: The value (not shown, 39 characters) ${tokenForm}`,
        ],
        [
            "one with a line's end",
            { apiToken: `${"c".repeat(40)}\n` },
            `dns.apiToken: The value (not shown, 41 characters) ${tokenForm}`,
        ],
        [
            "an id that isn't one",
            { adopt: [id, "mail-dns-MX-example.com-host"] },
            `dns.adopt[1]: "mail-dns-MX-example.com-host" is not the id of a record. ${idRemedy}`,
        ],
        [
            "an id with its zone's",
            { adopt: [`${id}/${id}`] },
            `dns.adopt[0]: "${id}/${id}" is not the id of a record. ${idRemedy}`,
        ],
        [
            "an id in upper case",
            { adopt: [id.toUpperCase()] },
            `dns.adopt[0]: "${id.toUpperCase()}" is not the id of a record. ${idRemedy}`,
        ],
        [
            "a comment of somebody else",
            { adopt: ["made by hand"] },
            `dns.adopt[0]: "made by hand" is not the id of a record. ${idRemedy}`,
        ],
        [
            "one id that is no list",
            { adopt: id as unknown as string[] },
            `dns.adopt: "${id}" is not a list. ${idRemedy}`,
        ],
        [
            "one record fewer than the plan has",
            { recordsPerZone: count - 1 },
            `dns.recordsPerZone: The zone example.com would hold ${count} records of this host alone, and ${count - 1} is the most. Give fewer mail domains in example.com, or the limit of its plan if that is a higher one.`,
        ],
    ];
    for (const [what, args, message] of wrong) {
        it(`may not be ${what}`, () => assert.equal(told(args), message));
    }

    for (const recordsPerZone of [0, -1, 1.5, Number.NaN]) {
        it(`may not be ${recordsPerZone} records a zone`, () => {
            assert.match(
                told({ recordsPerZone }, []),
                /^dns\.recordsPerZone: .* Give the limit of your plan: 200 for the free one\.$/,
            );
        });
    }

    it("are told all at once", () => {
        const message = told({ apiToken: "short", adopt: ["MX"], recordsPerZone: 1 });
        assert.deepEqual(
            message.split("\n").map((line) => line.trim().split(":")[0]),
            ["dns.apiToken", "dns.adopt[0]", "dns.recordsPerZone"],
        );
    });
});

describe("what Cloudflare takes of a plan", () => {
    it("are 200 records a zone, counted for each", () => {
        const records = (count: number, zone: string) =>
            Array.from({ length: count }, (_, i) => ({ ...text(1, `n${i}.${zone}`), zone }));
        const both = [...records(200, "example.com"), ...records(201, "example.org")];
        assert.match(told({}, both), /^dns\.recordsPerZone: The zone example\.org would hold 201 /);
        assert.equal(told({ recordsPerZone: 201 }, both), "");
    });

    it("is a comment of 100 characters", () => {
        assert.equal(told({}, [], "c".repeat(100)), "");
        assert.match(
            told({}, [], "c".repeat(101)),
            /has 101 characters, and Cloudflare takes 100\. Give the project or the stack a shorter name\.$/,
        );
    });

    it("are 8192 characters of TXT records a name", () => {
        const records = (last: number) => [
            text(4000),
            text(4000),
            text(last),
            text(4000, "b.example.com"),
        ];
        assert.equal(told({}, records(192)), "");
        assert.equal(
            told({}, records(193)),
            "dns: The TXT records of example.com have 8193 characters together, and Cloudflare takes 8192. Give them fewer addresses.",
        );
    });
});
