import * as assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TestCloudflare } from "./cloudflare-api-cloud";

interface ApiRecord {
    name: string;
    type: string;
}

let cloud: TestCloudflare;
before(async () => {
    cloud = await TestCloudflare.open();
});
after(() => cloud.close());

const add = async (zone: string, record: object): Promise<void> => {
    const answer = await cloud.call("POST", `/zones/${zone}/dns_records`, record);
    assert.equal(answer.status, 200, JSON.stringify(answer));
};

describe("records are found", () => {
    let list: string;
    before(async () => {
        const zone = await cloud.addZone("find.com");
        list = `/zones/${zone}/dns_records`;
        for (const record of [
            { name: "@", type: "A", content: "192.0.2.1", comment: "Web" },
            { name: "mx", type: "A", content: "192.0.2.1", ttl: 600 },
            { name: "mx", type: "TXT", content: '"v=spf1 a " "-all"', ttl: 300 },
            { name: "x", type: "CNAME", content: "find.com", comment: "mail/one" },
        ]) {
            await add(zone, record);
        }
    });
    const [apex, mx, txt, alias] = [
        "A find.com",
        "A mx.find.com",
        "TXT mx.find.com",
        "CNAME x.find.com",
    ];
    const cases: [string, (string | undefined)[]][] = [
        ["", [apex, mx, alias, txt]],
        ["type=A", [apex, mx]],
        ["type=a&name=MX.find.com", [mx]],
        ["name.exact=mx.find.com", [mx, txt]],
        ["name=mx", []],
        ["name.contains=x.f", [mx, alias, txt]],
        ["name.startswith=mx", [mx, txt]],
        ["name.endswith=x.find.com", [mx, alias, txt]],
        ["content=192.0.2.1", [apex, mx]],
        ["content=v%3Dspf1 a -all", [txt]],
        ["content.exact=%22v%3Dspf1 a -all%22", [txt]],
        ["content.startswith=%22v%3Dspf1", []],
        ["content.startswith=V%3Dspf1", [txt]],
        ["content.contains=find", [alias]],
        ["comment=web", [apex]],
        ["comment.exact=Web", [apex]],
        ["comment.startswith=mail/", [alias]],
        ["comment.present", [apex, alias]],
        ["comment.absent=", [mx, txt]],
        ["proxied=false&type=TXT", [txt]],
        ["match=all&type=TXT&comment=web", []],
        ["match=any&type=TXT&comment=web", [apex, txt]],
        ["match=any", [apex, mx, alias, txt]],
        ["search=spf1", [txt]],
        ["search=MAIL", [alias]],
        ["order=name&direction=desc", [alias, mx, txt, apex]],
        ["order=ttl", [apex, alias, txt, mx]],
        ["include_shadow_metadata=false&unknown=1&type=TXT", [txt]],
    ];
    for (const [query, expected] of cases) {
        test(query || "without a filter", async () => {
            const { result } = await cloud.call<ApiRecord[]>("GET", `${list}?${query}`);
            assert.deepEqual(
                result.map(({ name, type }) => `${type} ${name}`),
                expected,
            );
        });
    }
    test("a filter that is not simulated is refused", async () => {
        assert.equal((await cloud.call("GET", `${list}?tag.exact=a:b`)).errors[0]?.code, 99999);
    });
});

test("250 records come in pages, at once made and each of them once", async () => {
    const zone = await cloud.addZone("pages.com");
    await cloud.call("POST", `/zones/${zone}/subscription`, { rate_plan: { id: "pro" } });
    const names = Array.from({ length: 250 }, (_, i) => `n${String(i).padStart(3, "0")}.pages.com`);
    let open = (): void => undefined;
    cloud.publisher.gate = new Promise<void>((resolve) => (open = resolve));
    const before = { published: cloud.publisher.published.length, received: cloud.received };
    const made = names.map((name) => add(zone, { name, type: "A", content: "192.0.2.1" }));
    // While the first is published, all others arrive.
    while (cloud.received < before.received + names.length) await sleep(5);
    open();
    await Promise.all(made);
    const publications = cloud.publisher.published.length - before.published;
    assert.ok(publications < 10, `${publications} publications`);
    const page = (query: string) =>
        cloud.call<ApiRecord[]>("GET", `/zones/${zone}/dns_records?${query}`);
    const first = await page("");
    assert.deepEqual(first.result_info, {
        ...{ page: 1, per_page: 100, count: 100, total_count: 250, total_pages: 3 },
    });
    const pages = [first, await page("page=2"), await page("page=3"), await page("page=4")];
    assert.deepEqual(
        pages.map(({ status, result }) => [status, result.length]),
        [100, 100, 50, 0].map((length) => [200, length]),
    );
    assert.deepEqual(
        pages.flatMap(({ result }) => result.map(({ name }) => name)),
        names,
    );
    assert.equal((await page("per_page=5000")).result.length, 250);
    assert.equal((await page("per_page=7&page=2")).result[0]?.name, names[7]);
});
