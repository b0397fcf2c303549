import assert from "node:assert/strict";
import { test } from "node:test";
import type { ZoneContent } from "../../../local/cloud/dns/dns-server";
import {
    reverseName,
    reversePublisher,
    reverseZones,
} from "../../../local/cloud/dns/reverse-zones";
import { TestCloud } from "./hetzner-api-cloud";

test("names addresses as they are looked up", () => {
    assert.equal(reverseName("198.18.7.10"), "10.7.18.198.in-addr.arpa");
    assert.equal(
        reverseName("2001:db8:7:a::1"),
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.a.0.0.0.7.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
    );
});

test("puts each pointer in the zone of its block, also in a slot of several digits", () => {
    const pointers = [
        { ip: "198.18.123.10", dns_ptr: "mx.example.test" },
        { ip: "2001:db8:123:a::1", dns_ptr: "mx.example.test" },
    ];
    const [v4, v6] = reverseZones(123, pointers);
    assert.equal(v4?.name, "123.18.198.in-addr.arpa");
    assert.equal(v6?.name, "3.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa");
    for (const [zone, { ip }] of [
        [v4, pointers[0]!],
        [v6, pointers[1]!],
    ] as const) {
        const record = { type: "PTR", ttl: 86400, rdata: "mx.example.test." };
        assert.deepEqual(zone.records, [{ name: reverseName(ip), ...record }]);
        assert.equal(zone.signed, false);
    }
    assert.deepEqual(
        reverseZones(5, pointers).map(({ records }) => records),
        [[], []],
    );
});

test("is published before a change is answered, and only when something changed", async () => {
    const cloud = await TestCloud.open();
    try {
        const published: ZoneContent[] = [];
        let failing = false;
        const publish = async (zone: ZoneContent): Promise<void> => {
            await new Promise((resolve) => setTimeout(resolve, 20));
            if (failing) throw new Error("the server is not there");
            published.push(zone);
        };
        cloud.beforeAnswer = reversePublisher([cloud.project], 7, { publish }, [
            { ip: "198.18.7.2", dns_ptr: "mx.sink.test" },
        ]);
        const answers = () => published.flatMap(({ records }) => records.map(({ rdata }) => rdata));
        const ip = await cloud.call("POST", "/primary_ips", {
            ...{ name: "v4", type: "ipv4", location: "fsn1", assignee_type: "server" },
        });
        const { id, ip: address } = ip.body["primary_ip"] as { id: number; ip: string };
        const standard = `static.${address.split(".").reverse().join(".")}.clients.your-server.de.`;
        assert.deepEqual(answers(), ["mx.sink.test.", standard]);

        const change = (name: string) =>
            cloud.call("POST", `/primary_ips/${id}/actions/change_dns_ptr`, {
                ...{ ip: address, dns_ptr: name },
            });
        published.length = 0;
        assert.equal((await change("mx.example.test")).status, 201);
        assert.deepEqual(answers(), ["mx.sink.test.", "mx.example.test."]);
        await cloud.call("GET", "/primary_ips");
        await change("mx.example.test");
        assert.equal(published.length, 2);

        published.length = 0;
        failing = true;
        assert.equal((await change("new.example.test")).status, 500);
        failing = false;
        await cloud.call("GET", "/primary_ips");
        assert.deepEqual(answers(), ["mx.sink.test.", "new.example.test."]);
    } finally {
        await cloud.close();
    }
});
