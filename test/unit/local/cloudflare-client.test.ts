// The client against a server that answers as it is told to.
import * as assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { Client } from "../../../local/providers/cloudflare/client";
import { cloudflareProvider } from "../../../local/providers/cloudflare/provider";
import type { Context } from "../../../local/providers/handler";
import { testContext } from "./test-context";

interface Answer {
    status: number;
    headers?: Record<string, string>;
    body?: object;
}

interface Request {
    method: string | undefined;
    url: string | undefined;
    authorization: string | undefined;
    body: string;
}

const apiToken = "simulated-cloudflare-token_0123456789abcd";
const refusal = { success: false, errors: [{ code: 81058, message: "An identical record" }] };
let answers: Answer[] = [];
let requests: Request[] = [];
let baseUrl: string;

const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (part) => (body += String(part)));
    request.on("end", () => {
        const { method, url, headers } = request;
        requests.push({ method, url, authorization: headers.authorization, body });
        const answer = answers.shift() ?? { status: 200 };
        response.writeHead(answer.status, answer.headers);
        response.end(JSON.stringify(answer.body ?? { success: true, result: { id: "1" } }));
    });
});
before(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4`;
});
after(() => server.close());
beforeEach(() => {
    answers = [];
    requests = [];
});

const client = (signal?: AbortSignal) => new Client({ baseUrl, apiToken, retryPause: 1 }, signal);
const context = (): Context => ({ ...testContext(), config: { baseUrl, apiToken } });

test("a request carries the token and its body, the answer is the envelope's result", async () => {
    assert.deepEqual(await client().post("/zones", { name: "a" }), { id: "1" });
    assert.deepEqual(requests, [
        {
            method: "POST",
            url: "/client/v4/zones",
            authorization: `Bearer ${apiToken}`,
            body: '{"name":"a"}',
        },
    ]);
});

describe("a refusal", () => {
    for (const status of [400, 401, 403, 404]) {
        test(`${status} is final, and told with the API's own words and without the token`, async () => {
            answers = [{ status, body: refusal }];
            await assert.rejects(client().put("/zones/z", {}), (error: Error) => {
                assert.ok(
                    error.message.startsWith(
                        `failed to make http request: PUT "${baseUrl}/zones/z": ${status} ${http.STATUS_CODES[status]} {`,
                    ),
                    error.message,
                );
                assert.match(error.message, /"code":81058,"message":"An identical record"/);
                assert.doesNotMatch(error.message, new RegExp(apiToken));
                return true;
            });
            assert.equal(requests.length, 1);
        });
    }

    for (const status of [408, 409, 429, 500, 503]) {
        test(`${status} is tried again`, async () => {
            answers = [{ status }, { status }];
            assert.deepEqual(await client().get("/zones"), { id: "1" });
            assert.equal(requests.length, 3);
        });
    }

    test("it gives up after eleven requests", async () => {
        answers = Array.from({ length: 20 }, () => ({
            status: 500,
            headers: { "retry-after": "0" },
        }));
        await assert.rejects(client().get("/zones"), /500 Internal Server Error/);
        assert.equal(requests.length, 11);
    });

    test("it waits as long as the answer asks, if that is below a minute", async () => {
        const paused = async (retryAfter: string) => {
            answers = [{ status: 429, headers: { "retry-after": retryAfter } }];
            const start = performance.now();
            await client().get("/zones");
            return (performance.now() - start) / 1000;
        };
        assert.ok((await paused("1")) > 0.9);
        for (const retryAfter of ["60", "0"]) assert.ok((await paused(retryAfter)) < 50);
    });
});

test("an API that is not there is told of", async () => {
    const closed = http.createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address() as AddressInfo;
    closed.close();
    const there = `http://127.0.0.1:${port}`;
    const nowhere = new Client({ baseUrl: there, apiToken, retryPause: 0 });
    await assert.rejects(
        nowhere.get("/zones"),
        new RegExp(`failed to make http request: GET "${there}/zones": .*ECONNREFUSED`),
    );
});

test("a cancelled request is not tried again", async () => {
    const cancellation = new AbortController();
    cancellation.abort(new Error("cancelled"));
    await assert.rejects(client(cancellation.signal).get("/zones"), /cancelled/);
    assert.equal(requests.length, 0);
});

describe("getZone", () => {
    const invoke = (args: object) =>
        cloudflareProvider.functions["cloudflare:index/getZone:getZone"]!.invoke(
            args as never,
            context(),
        );

    for (const found of [[], [{ id: "1" }, { id: "2" }]]) {
        test(`${found.length} zones are not exactly one`, async () => {
            answers = [{ status: 200, body: { result: found } }];
            await assert.rejects(invoke({ filter: { name: "example.com" } }), {
                message: `failed to find exactly one result: ${found.length} found`,
            });
            assert.deepEqual(
                requests.map(({ url }) => url),
                ["/client/v4/zones?name=example.com"],
            );
        });
    }

    test("one that is found is read in full", async () => {
        const zone = {
            id: "1",
            name: "example.com",
            name_servers: ["a"],
            plan: { legacy_id: "free" },
        };
        answers = [
            { status: 200, body: { result: [{ id: "1" }] } },
            { status: 200, body: { result: zone } },
        ];
        assert.deepEqual(await invoke({ filter: { name: "example.com", account: { id: "a" } } }), {
            filter: { name: "example.com", account: { id: "a" } },
            id: "1",
            zoneId: "1",
            name: "example.com",
            nameServers: ["a"],
            plan: { legacyId: "free" },
        });
        assert.deepEqual(
            requests.map(({ url }) => url),
            ["/client/v4/zones?account.id=a&name=example.com", "/client/v4/zones/1"],
        );
    });

    for (const args of [{}, { filter: {}, zoneId: "1" }]) {
        test(`${Object.keys(args).length} of its two arguments`, async () => {
            await assert.rejects(
                invoke(args),
                /Exactly one of these attributes must be configured/,
            );
        });
    }
});

describe("getDnsRecords", () => {
    const invoke = (args: object) =>
        cloudflareProvider.functions["cloudflare:index/getDnsRecords:getDnsRecords"]!.invoke(
            args as never,
            context(),
        );
    const page = (...ids: string[]) => ({
        status: 200,
        body: { result: ids.map((id) => ({ id, name: "a", type: "A", content: "", ttl: 1 })) },
    });
    const found = async (args: object) =>
        ((await invoke(args)) as { results: { id: string }[] }).results.map(({ id }) => id);

    test("pages are read until one is empty, with every filter", async () => {
        answers = [page("1", "2"), page("3"), page()];
        const args = {
            zoneId: "z",
            name: { exact: "a", startswith: "b" },
            tagMatch: "any",
            type: "A",
        };
        assert.deepEqual(await found(args), ["1", "2", "3"]);
        const query = "name.exact=a&name.startswith=b&tag_match=any&type=A";
        assert.deepEqual(
            requests.map(({ url }) => url),
            ["", "&page=2", "&page=3"].map(
                (more) => `/client/v4/zones/z/dns_records?${query}${more}`,
            ),
        );
    });

    test("no more than maxItems are read", async () => {
        answers = [page("1", "2"), page("3", "4"), page("5")];
        assert.deepEqual(await found({ zoneId: "z", maxItems: 3 }), ["1", "2", "3"]);
        assert.equal(requests.length, 2);
    });
});
