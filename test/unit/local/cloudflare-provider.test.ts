import * as assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connectionFrom } from "../../../local/providers/cloudflare/client";
import { cloudflareProvider } from "../../../local/providers/cloudflare/provider";
import { diffProperties } from "../../../local/providers/diff";
import { checkProperties, unknownValue, type Properties } from "../../../local/providers/schema";
import { handlersOf } from "./provider-handlers";

const token = "simulated-cloudflare-token_0123456789abcd";

const { handlerOf, checked } = handlersOf(cloudflareProvider);

describe("check", () => {
    const record = { zoneId: "z", name: "mx.example.com", type: "A", ttl: 300 };
    const caa = { flags: 0, tag: "issue", value: "letsencrypt.org" };
    const cases: [resource: string, what: string, inputs: Properties, failing: string[]][] = [
        ["DnsRecord", "an address", { ...record, content: "192.0.2.1" }, []],
        ["DnsRecord", "data", { ...record, type: "CAA", data: caa }, []],
        ["DnsRecord", "neither content nor data", record, []],
        ["DnsRecord", "what is not known yet", { ...record, content: unknownValue }, []],
        ["DnsRecord", "nothing", {}, ["name", "ttl", "type", "zoneId"]],
        [
            "DnsRecord",
            "content and data",
            { ...record, content: "a", data: caa },
            ["content", "data"],
        ],
        ["DnsRecord", "an unknown type", { ...record, type: "SPF" }, ["type"]],
        ["DnsRecord", "a type in lower case", { ...record, type: "txt" }, []],
        ["DnsRecord", "a type not known yet", { ...record, type: unknownValue }, []],
        ["DnsRecord", "a priority", { ...record, priority: 65536 }, ["priority"]],
        ["DnsRecord", "the old name of content", { ...record, value: "192.0.2.1" }, ["value"]],
        [
            "DnsRecord",
            "the old overwriting",
            { ...record, allowOverwrite: true },
            ["allowOverwrite"],
        ],
        ["DnsRecord", "a part of data", { ...record, data: { ...caa, tags: "a" } }, ["data.tags"]],
        ["DnsRecord", "a port as text", { ...record, data: { port: "25" } }, ["data.port"]],
        ["ZoneDnssec", "active", { zoneId: "z", status: "active" }, []],
        ["ZoneDnssec", "a status", { zoneId: "z", status: "pending" }, ["status"]],
        ["ZoneDnssec", "no zone", { status: "active" }, ["zoneId"]],
    ];
    for (const [resource, what, inputs, failing] of cases) {
        test(`${resource}: ${what}`, () => {
            assert.deepEqual(
                checked(resource, inputs).failures.map((failure) => failure.path),
                failing,
            );
        });
    }
});

describe("diff", () => {
    /** Of the state, with what the program gives; a path that makes another resource ends in `!`. */
    function diff(name: string, state: Properties, news: Properties): string[] {
        const handler = handlerOf(name);
        const compared = handler.compared?.({ id: "1", state, olds: news, news });
        assert.ok(compared);
        return diffProperties(handler.inputs, compared.olds, compared.news).map((difference) =>
            difference.replaces ? `${difference.path}!` : difference.path,
        );
    }

    const named = { zoneId: "z", name: "mx.example.com", ttl: 300 };
    const given = { ...named, type: "A", content: "192.0.2.1" };
    const live = { ...given, proxied: false, tags: [], proxiable: true, modifiedOn: "2026-01-01" };
    const cname = { ...named, type: "CNAME", content: "mx.example.com" };
    const settings = { flattenCname: false, ipv4Only: false, ipv6Only: false };
    const tlsa = { ...named, type: "TLSA", data: { usage: 3, certificate: "AB" } };
    const cases: [what: string, state: Properties, news: Properties, differences: string[]][] = [
        ["nothing", live, given, []],
        ["content", live, { ...given, content: "192.0.2.2" }, ["content"]],
        ["content not known yet", live, { ...given, content: unknownValue }, ["content"]],
        ["time to live", live, { ...given, ttl: 60 }, ["ttl"]],
        ["zone", live, { ...given, zoneId: "y" }, ["zoneId!"]],
        ["type", live, { ...given, type: "AAAA" }, ["type!"]],
        ["proxied as by default", live, { ...given, proxied: false }, []],
        ["proxied", live, { ...given, proxied: true }, ["proxied"]],
        ["proxied outside", { ...live, proxied: true }, given, ["proxied"]],
        ["a comment", live, { ...given, comment: "ours" }, ["comment"]],
        ["a comment written outside", { ...live, comment: "theirs" }, given, ["comment"]],
        ["another name", live, { ...given, name: "my.example.com" }, ["name"]],
        ["a name in the zone", live, { ...given, name: "mx" }, []],
        ["the apex", { ...live, name: "example.com" }, { ...given, name: "@" }, []],
        ["a name with a trailing dot", live, { ...given, name: "mx.example.com." }, ["name"]],
        ["a name in upper case", live, { ...given, name: "MX.example.com" }, ["name"]],
        ["a CNAME's settings", { ...cname, settings }, cname, []],
        ["a CNAME in upper case", cname, { ...cname, content: "MX.example.com" }, []],
        [
            "a CNAME with a trailing dot",
            cname,
            { ...cname, content: "mx.example.com." },
            ["content"],
        ],
        ["data", { ...tlsa, content: "3 AB" }, tlsa, []],
        [
            "data in lower case",
            { ...tlsa, content: "3 AB" },
            { ...tlsa, data: { usage: 3, certificate: "ab" } },
            ["data.certificate"],
        ],
        ["an MX's priority", { ...live, priority: 0 }, { ...given, priority: 10 }, ["priority"]],
        ["a priority that the API adds", { ...live, priority: 0 }, given, ["priority"]],
        [
            "text without its quotes",
            { ...live, content: '"a"' },
            { ...given, content: "a" },
            ["content"],
        ],
        ["the order of tags", { ...live, tags: ["b", "a"] }, { ...given, tags: ["a", "b"] }, []],
    ];
    for (const [what, state, news, differences] of cases) {
        test(`DnsRecord: ${what}`, () => {
            assert.deepEqual(diff("DnsRecord", state, news), differences);
        });
    }

    test("ZoneDnssec: pending, while the registrar has no DS record", () => {
        const news = { zoneId: "z", status: "active" };
        assert.deepEqual(diff("ZoneDnssec", { ...news, keyTag: 1 }, news), []);
        assert.deepEqual(diff("ZoneDnssec", { ...news, status: "pending" }, news), ["status"]);
        assert.deepEqual(diff("ZoneDnssec", news, { ...news, zoneId: "y" }), ["zoneId!"]);
    });
});

describe("configuration", () => {
    const baseUrl = "http://127.0.0.1:1/client/v4/";
    const cases: [what: string, config: object, message: RegExp | undefined][] = [
        ["whole", { baseUrl, apiToken: token }, undefined],
        [
            "in the cloud's own network",
            { baseUrl: "http://198.18.1.2:1/", apiToken: token },
            undefined,
        ],
        ["token too short", { baseUrl, apiToken: "t".repeat(39) }, /API tokens must only contain/],
        ["token too long", { baseUrl, apiToken: "t".repeat(81) }, /API tokens must only contain/],
        [
            "a space in the token",
            { baseUrl, apiToken: `${token} ` },
            /API tokens must only contain/,
        ],
        ["no token", { baseUrl }, /cloudflare:apiToken is not set/],
        ["no endpoint", { apiToken: token }, /cloudflare:baseUrl is not set/],
        [
            "the real endpoint",
            { baseUrl: "https://api.cloudflare.com/client/v4", apiToken: token },
            /laptop cloud only/,
        ],
    ];
    for (const [what, config, message] of cases) {
        test(what, () => {
            const connect = () => connectionFrom(config, {});
            if (!message) return assert.doesNotThrow(connect);
            assert.throws(connect, { message });
            assert.throws(connect, (error: Error) => !error.message.includes(token));
        });
    }

    test("the environment stands in for what is not configured", () => {
        const environment = { CLOUDFLARE_BASE_URL: baseUrl, CLOUDFLARE_API_TOKEN: token };
        assert.deepEqual(connectionFrom({}, environment), {
            baseUrl: "http://127.0.0.1:1/client/v4",
            apiToken: token,
            retryPause: 2000,
        });
    });

    test("keys of other kinds than tokens are refused", () => {
        const { failures } = checkProperties(cloudflareProvider.config, {
            apiKey: "a",
            email: "b",
        });
        assert.deepEqual(
            failures.map(({ path }) => path),
            ["apiKey", "email"],
        );
    });
});
