import * as assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import { after, before, describe, test } from "node:test";
import { cloudflareToken, TestCloudflare } from "./cloudflare-api-cloud";

let cloud: TestCloudflare;
let records: string;
before(async () => {
    cloud = await TestCloudflare.open();
    records = `/zones/${await cloud.addZone("example.com")}/dns_records`;
});
after(() => cloud.close());

const codesOf = ({ errors }: { errors: { code: number }[] }) => errors.map(({ code }) => code);

describe("a request without the right token", () => {
    const cases: [string, string | undefined, string, number, object[]][] = [
        [
            "none",
            undefined,
            "/zones",
            400,
            [{ code: 9106, message: "Missing X-Auth-Key, X-Auth-Email or Authorization headers" }],
        ],
        ...["Bearer short", `Basic ${cloudflareToken}`, `Bearer ${"t".repeat(39)}!`].map(
            (authorization): [string, string, string, number, object[]] => [
                authorization,
                authorization,
                "/zones",
                400,
                [
                    {
                        code: 6003,
                        message: "Invalid request headers",
                        error_chain: [
                            { code: 6111, message: "Invalid format for Authorization header" },
                        ],
                    },
                ],
            ],
        ),
        [
            "another one",
            `Bearer ${"x".repeat(40)}`,
            "/zones",
            403,
            [{ code: 9109, message: "Invalid access token" }],
        ],
        [
            "another one, to be verified",
            `Bearer ${"x".repeat(40)}`,
            "/user/tokens/verify",
            401,
            [{ code: 1000, message: "Invalid API Token" }],
        ],
    ];
    for (const [what, authorization, route, status, errors] of cases) {
        test(what, async () => {
            const headers: Record<string, string> = authorization ? { authorization } : {};
            assert.deepEqual(await cloud.call("GET", route, undefined, headers), {
                status,
                result: null,
                success: false,
                errors,
                messages: [],
            });
        });
    }
});

describe("a request that can't be read", () => {
    const authorization = `Bearer ${cloudflareToken}`;
    test("a body of another type", async () => {
        const headers = { authorization, "content-type": "text/plain" };
        const answer = await cloud.call("POST", "/zones", "{}", headers);
        assert.equal(answer.status, 400);
        assert.deepEqual(answer.errors, [
            { code: 9207, message: "Content-type must be application/json." },
        ]);
    });
    test("a body that is not JSON", async () => {
        const answer = await cloud.call("POST", "/zones", "{");
        assert.equal(answer.status, 400);
        assert.deepEqual(codesOf(answer), [9207]);
    });
    test("a method that the path does not have", async () => {
        const answer = await cloud.call("PUT", "/zones", {});
        assert.equal(answer.status, 405);
        assert.deepEqual(answer.errors, [
            {
                code: 10000,
                message: "PUT method not allowed for the api_token authentication scheme",
            },
        ]);
    });
    for (const route of ["/zones/nothing", `/zones/${"0".repeat(32)}/dns_records`, "/nothing"]) {
        test(`nothing at ${route}`, async () => {
            const answer = await cloud.call("GET", route);
            assert.equal(answer.status, 404);
            assert.deepEqual(codesOf(answer), [7003]);
            assert.match(answer.errors[0]!.message, /^Could not route to \/client\/v4\//);
        });
    }
    for (const target of ["//", "http://["]) {
        test(`nothing at ${target}, and the API goes on`, async () => {
            const request = http.request(cloud.baseUrl, {
                path: target,
                headers: { authorization },
            });
            request.end();
            const [response] = (await once(request, "response")) as [http.IncomingMessage];
            response.resume();
            assert.equal(response.statusCode, 404);
            assert.equal((await cloud.call("GET", "/zones")).status, 200);
        });
    }
    for (const method of ["GET", "PUT", "PATCH", "DELETE"]) {
        test(`${method} of a record that is not there`, async () => {
            const body = method === "PUT" || method === "PATCH" ? {} : undefined;
            const answer = await cloud.call(method, `${records}/${"0".repeat(32)}`, body);
            assert.equal(answer.status, 404);
            assert.deepEqual(answer.errors, [{ code: 81044, message: "Record does not exist." }]);
        });
    }
});

describe("a zone", () => {
    const cases: [string, object, number, number][] = [
        ["that is there", { name: "Example.com" }, 400, 1061],
        ["below a registrable domain", { name: "mail.example.org" }, 400, 1116],
        ["that is no domain", { name: "exa mple.org" }, 400, 1116],
        ["of another account", { name: "other.org", account: { id: "0" } }, 403, 10000],
        ["without a name", {}, 400, 9207],
        ["of another type", { name: "other.org", type: "partial" }, 400, 99999],
    ];
    for (const [what, body, status, code] of cases) {
        test(what, async () => {
            const answer = await cloud.call("POST", "/zones", body);
            assert.equal(answer.status, status);
            assert.deepEqual(codesOf(answer), [code]);
        });
    }
});

describe("a record alone", () => {
    const a = { name: "a", type: "A", content: "192.0.2.1" };
    const tlsa = { usage: 3, selector: 1, matching_type: 1, certificate: "abcd" };
    const srv = { priority: 0, weight: 1, port: 993, target: "mx.example.com" };
    const cases: [string, object, number[]][] = [
        ["no name", { ...a, name: undefined }, [9207]],
        ["an unknown type", { ...a, type: "SPF" }, [9207]],
        ["a type that is not simulated", { ...a, type: "LOC" }, [99999]],
        ["an empty name", { ...a, name: "" }, [9000]],
        ["a name with a space", { ...a, name: "a b" }, [9000]],
        ["a name with an empty label", { ...a, name: "a..b" }, [9000]],
        ["a star within a label", { ...a, name: "a*b" }, [9000]],
        ["a star below a label", { ...a, name: "a.*" }, [9000]],
        ["a label of 64 characters", { ...a, name: "a".repeat(64) }, [9000]],
        ["a label of 300 characters", { ...a, name: "a".repeat(300) }, [9000]],
        ["a name of 254 characters", { ...a, name: "a.".repeat(121) + "a" }, [9000]],
        ["an IPv6 address for A", { ...a, content: "2001:db8::1" }, [9005]],
        ["half an address for A", { ...a, content: "192.0.2" }, [9005]],
        ["no content for A", { ...a, content: undefined }, [9005]],
        ["an IPv4 address for AAAA", { ...a, type: "AAAA" }, [9006]],
        ["an address with a zone", { ...a, type: "AAAA", content: "fe80::1%eth0" }, [9006]],
        ["an address for CNAME", { ...a, type: "CNAME" }, [9007]],
        ["a space for CNAME", { ...a, type: "CNAME", content: "a b" }, [9007]],
        ["an address for NS", { ...a, type: "NS" }, [9010]],
        ["an address for PTR", { ...a, type: "PTR" }, [9011]],
        ["an address for MX", { ...a, type: "MX", priority: 0 }, [9009]],
        ["MX without its priority", { ...a, type: "MX", content: "mx.example.com" }, [9100]],
        ["MX with nothing right", { ...a, type: "MX" }, [9100, 9009]],
        ["MX beyond", { ...a, type: "MX", content: "mx.a.b", priority: 65536 }, [9100]],
        ["TXT without content", { name: "a", type: "TXT" }, [9100]],
        ["TXT with a line break", { ...a, type: "TXT", content: "a\nb" }, [9051]],
        ["TXT with an open quote", { ...a, type: "TXT", content: '"a' }, [9051]],
        ["TXT beyond 4,096 bytes", { ...a, type: "TXT", content: "a".repeat(4081) }, [9015]],
        ["a byte beyond", { ...a, type: "TXT", content: `"${"a".repeat(4080)}" ""` }, [9015]],
        ["CAA as content", { ...a, type: "CAA", content: '0 issue "a"' }, [9101, 9101, 9101]],
        ["SRV as content", { ...a, type: "SRV", content: "1 993 a.b" }, [9101, 9101, 9101, 9101]],
        ["TLSA as content", { ...a, type: "TLSA", content: "3 1 1 ab" }, [9101, 9101, 9101, 9101]],
        ["SSHFP as content", { ...a, type: "SSHFP", content: "4 2 ab" }, [9101, 9101, 9101]],
        ["HTTPS as content", { ...a, type: "HTTPS", content: "1 . alpn=h2" }, [9101, 9101]],
        ["a number as text", { ...a, type: "TLSA", data: { ...tlsa, usage: "3" } }, [9102]],
        ["a number beyond", { ...a, type: "SRV", data: { ...srv, port: 65536 } }, [9102]],
        ["an odd digit", { ...a, type: "TLSA", data: { ...tlsa, certificate: "abc" } }, [9102]],
        [
            "an address as target",
            { ...a, type: "SRV", data: { ...srv, target: "1.2.3.4" } },
            [9102],
        ],
        [
            "HTTPS parameters that are none",
            { ...a, type: "HTTPS", data: { priority: 1, target: ".", value: 'alpn="h2' } },
            [9102],
        ],
        ["a TTL of 59", { ...a, ttl: 59 }, [9021]],
        ["a TTL of 86401", { ...a, ttl: 86401 }, [9021]],
        ["a TTL of half a second more", { ...a, ttl: 60.5 }, [9021]],
        ["a TTL as text", { ...a, ttl: "300" }, [9021]],
        ["MX proxied", { ...a, type: "MX", content: "b.c", priority: 0, proxied: true }, [9004]],
        ["an address of a laptop proxied", { ...a, content: "198.18.1.10", proxied: true }, [9003]],
        ["a comment of 101 characters", { ...a, comment: "é".repeat(101) }, [9313]],
        ["a tag", { ...a, tags: ["owner:mail"] }, [9300]],
        ["everything at once", { ...a, content: "b", ttl: 2, tags: ["a"] }, [9005, 9021, 9300]],
    ];
    for (const [what, record, codes] of cases) {
        test(what, async () => {
            const answer = await cloud.call("POST", records, record);
            assert.equal(answer.status, 400, JSON.stringify(answer));
            assert.deepEqual(codesOf(answer), codes);
            assert.deepEqual((await cloud.call("GET", records)).result, []);
        });
    }
    test("TXT of 4,096 bytes is taken", async () => {
        const record = { name: "a", type: "TXT", content: "a".repeat(4080) };
        const { status, result } = await cloud.call("POST", records, record);
        assert.equal(status, 200);
        await cloud.call("DELETE", `${records}/${String(result["id"])}`);
    });
    test("the words that clients know", async () => {
        const told = async (record: object) =>
            (await cloud.call("POST", records, { ...a, ...record })).errors[0]?.message;
        assert.deepEqual(
            [
                await told({ content: "b" }),
                await told({ ttl: 2 }),
                await told({ tags: ["a"] }),
                await told({ comment: "a".repeat(101) }),
                await told({ type: "TLSA", data: {} }),
            ],
            [
                "Content for A record must be a valid IPv4 address.",
                "TTL must be between 60 and 86400 seconds, or 1 for Automatic.",
                "DNS record has 1 tags, exceeding the quota of 0.",
                "DNS record comment exceeds the maximum length of 100 characters.",
                "usage is a required data field.",
            ],
        );
    });
});

describe("a record beside others", () => {
    const at = (name: string, type: string, content: string, more: object = {}) => ({
        ...{ name, type, content, ...more },
    });
    const existing = [
        at("host", "A", "192.0.2.1"),
        at("alias", "CNAME", "host.example.com"),
        at("text", "TXT", '"v=spf1" " -all"'),
        at("mail", "MX", "mx.example.com", { priority: 10 }),
        {
            name: "key",
            type: "TLSA",
            data: { usage: 3, selector: 1, matching_type: 1, certificate: "ab" },
        },
        at("long", "TXT", "a".repeat(4000)),
        at("long", "TXT", "b".repeat(4000)),
        at("sub", "NS", "ns.other.com"),
        at("@", "NS", "ns.other.com"),
    ];
    before(async () => {
        for (const record of existing) {
            assert.equal((await cloud.call("POST", records, record)).status, 200);
        }
    });

    const cases: [string, object, number | undefined][] = [
        ["the same", { ...existing[0], ttl: 600, comment: "other" }, 81058],
        ["the same by its full name", at("HOST.example.com", "A", "192.0.2.1"), 81058],
        ["another address", at("host", "A", "192.0.2.2"), undefined],
        ["the same text without quotes", at("text", "TXT", "v=spf1 -all"), 81058],
        ["the same text, split elsewhere", at("text", "TXT", '"v=sp" "f1 -all"'), 81058],
        ["another text", at("text", "TXT", "v=spf1 +all"), undefined],
        [
            "the same data in other letters",
            {
                ...existing[4],
                data: { usage: 3, selector: 1, matching_type: 1, certificate: "AB" },
            },
            81058,
        ],
        ["the same MX", existing[3]!, 81058],
        ["the same MX of another priority", { ...existing[3], priority: 20 }, undefined],
        ["an address beside a CNAME", at("alias", "A", "192.0.2.1"), 81054],
        ["another address beside a CNAME", at("alias", "AAAA", "2001:db8::1"), 81054],
        ["a CNAME beside an address", at("host", "CNAME", "b.example.com"), 81053],
        ["the same CNAME", existing[1]!, 81053],
        ["text beside a CNAME", at("alias", "TXT", "a"), 99999],
        ["a CNAME beside text", at("text", "CNAME", "b.example.com"), 99999],
        ["a CNAME at the apex", at("@", "CNAME", "b.example.com"), 99999],
        ["an address beside NS", at("sub", "A", "192.0.2.1"), 81056],
        ["text beside NS", at("sub", "TXT", "a"), 81056],
        ["another NS", at("sub", "NS", "ns2.other.com"), undefined],
        ["NS beside an address", at("host", "NS", "ns.other.com"), 81055],
        ["NS beside a CNAME", at("alias", "NS", "ns.other.com"), 81055],
        ["an address beside NS at the apex", at("@", "A", "192.0.2.1"), undefined],
        ["193 characters of text more", at("long", "TXT", "c".repeat(193)), 83011],
        ["192 characters of text more", at("long", "TXT", "c".repeat(192)), undefined],
    ];
    for (const [what, record, code] of cases) {
        test(what, async () => {
            const answer = await cloud.call<{ id: string }>("POST", records, record);
            assert.deepEqual(codesOf(answer), code === undefined ? [] : [code]);
            assert.equal(answer.status, code === undefined ? 200 : 400);
            if (!code) await cloud.call("DELETE", `${records}/${answer.result.id}`);
        });
    }

    test("a change into another one is refused, and into itself taken", async () => {
        const other = at("host", "A", "192.0.2.9");
        const { id } = (await cloud.call<{ id: string }>("POST", records, other)).result;
        const change = (method: string, body: object) =>
            cloud.call(method, `${records}/${id}`, body);
        assert.deepEqual(codesOf(await change("PUT", existing[0]!)), [81058]);
        assert.deepEqual(codesOf(await change("PATCH", { content: "192.0.2.1" })), [81058]);
        for (const body of ["[1]", "5", "null"]) {
            assert.deepEqual(codesOf(await cloud.call("PATCH", `${records}/${id}`, body)), [9207]);
        }
        assert.equal((await change("PUT", other)).status, 200);
        assert.equal((await change("DELETE", {})).status, 200);
    });
});

test("a free zone has 200 records, and a paid one more", async () => {
    const zone = `/zones/${await cloud.addZone("full.com")}`;
    const add = (number: number) =>
        cloud.call<{ id: string }>("POST", `${zone}/dns_records`, {
            ...{ name: `n${number}`, type: "A", content: "192.0.2.1" },
        });
    const made = await Promise.all(Array.from({ length: 200 }, (_, number) => add(number)));
    assert.deepEqual(new Set(made.map(({ status }) => status)), new Set([200]));
    const refused = await add(200);
    assert.equal(refused.status, 400);
    assert.deepEqual(refused.errors, [{ code: 81045, message: "Record quota exceeded." }]);
    const changed = { name: "n0", type: "A", content: "192.0.2.2" };
    const route = `${zone}/dns_records/${made[0]!.result.id}`;
    assert.equal((await cloud.call("PUT", route, changed)).status, 200);
    await cloud.call("POST", `${zone}/subscription`, { rate_plan: { id: "pro" } });
    assert.equal((await add(200)).status, 200);
});
