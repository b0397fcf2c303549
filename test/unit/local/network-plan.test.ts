import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
    contains,
    ipv6NetworkOf,
    lastSlot,
    slotAddresses,
} from "../../../local/cloud/network/addresses";
import {
    machineNamespace,
    planCloudLink,
    planMachineLink,
    renderCloudGuard,
} from "../../../local/cloud/network/network-plan";

test("a slot has the addresses of its two blocks", () => {
    assert.deepEqual(slotAddresses(12), {
        namespace: "mh12",
        ipv4Network: "198.18.12.0/24",
        ipv6Network: "2001:db8:12::/48",
        computer: { ipv4: "198.18.12.1", ipv6: "2001:db8:12::1" },
        services: { ipv4: "198.18.12.2", ipv6: "2001:db8:12::2" },
    });
});

for (const slot of [0, 200, -1, 1.5, Number.NaN]) {
    test(`slot ${slot} does not exist`, () => {
        assert.throws(
            () => slotAddresses(slot),
            new RangeError(
                `Slot ${slot} does not exist: a laptop cloud's slot is a whole number from 1 to 199.`,
            ),
        );
    });
}

test("addresses of a slot are in its blocks and in no other's", () => {
    const slots = fc.integer({ min: 1, max: lastSlot });
    fc.assert(
        fc.property(slots, slots, (slot, other) => {
            const { computer, services } = slotAddresses(slot);
            const blocks = slotAddresses(other);
            for (const { ipv4, ipv6 } of [computer, services]) {
                assert.equal(contains(blocks.ipv4Network, ipv4), slot === other);
                assert.equal(contains(blocks.ipv6Network, ipv6), slot === other);
            }
        }),
    );
});

for (const [address, network] of [
    ["2001:db8:1:a::1", "2001:db8:1:a::/64"],
    ["2001:db8:199:ffff:1:2:3:4", "2001:db8:199:ffff::/64"],
    ["2001:db8::1", "2001:db8::/64"],
] as const) {
    test(`${address} is in ${network}`, () => assert.equal(ipv6NetworkOf(address), network));
}

for (const [block, address, expected] of [
    ["198.18.0.0/15", "198.18.7.1", true],
    ["198.18.7.1", "198.18.7.1", true],
    ["198.18.7.1", "198.18.7.2", false],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["::/0", "2001:db8::1", true],
    ["2001:db8:7::/48", "2001:db8:8::1", false],
] as const) {
    test(`${block} ${expected ? "holds" : "does not hold"} ${address}`, () =>
        assert.equal(contains(block, address), expected));
}

test("this computer is joined to a cloud by its blocks only", () => {
    assert.deepEqual(planCloudLink(5), {
        createLink: ["link add mh5 type veth peer name computer netns mh5"],
        near: [
            "link set mh5 up",
            "addr replace 198.18.5.1/32 dev mh5",
            "addr replace 2001:db8:5::1/128 dev mh5 nodad",
            "route replace 198.18.5.2/32 dev mh5 src 198.18.5.1",
            "route replace 2001:db8:5::2/128 dev mh5 src 2001:db8:5::1",
            "route replace 198.18.5.0/24 via 198.18.5.2 dev mh5 src 198.18.5.1",
            "route replace 2001:db8:5::/48 via 2001:db8:5::2 dev mh5 src 2001:db8:5::1",
        ],
        far: [
            "link set lo up",
            "addr replace 169.254.169.254/32 dev lo",
            "link set computer up",
            "addr replace 198.18.5.2/32 dev computer",
            "addr replace 2001:db8:5::2/128 dev computer nodad",
            "route replace 198.18.5.1/32 dev computer src 198.18.5.2",
            "route replace 2001:db8:5::1/128 dev computer src 2001:db8:5::2",
        ],
    });
});

test("a machine is joined as a rented server is: host route, on-link gateway, a /64", () => {
    assert.deepEqual(
        planMachineLink({ slot: 5, id: 7, ipv4: "198.18.5.10", ipv6: "2001:db8:5:a::1" }),
        {
            createLink: ["link add m7 type veth peer name eth0 netns mh5-7"],
            near: [
                "link set m7 addrgenmode none",
                "addr replace 172.31.1.1/32 dev m7",
                "addr replace fe80::1/64 dev m7 nodad",
                "link set m7 up",
                "route replace 198.18.5.10/32 dev m7 src 198.18.5.2",
                "route replace 2001:db8:5:a::/64 dev m7 src 2001:db8:5::2",
            ],
            far: ["link set lo up"],
        },
    );
});

test("a machine without addresses gets no routes", () => {
    assert.deepEqual(planMachineLink({ slot: 5, id: 7 }).near.slice(4), []);
});

test("the largest server id still makes names that the kernel takes", () => {
    const { createLink } = planMachineLink({ slot: lastSlot, id: 99_999_999 });
    const [, link] = /^link add (\S+) /.exec(createLink[0]!)!;
    assert.ok(link!.length <= 15, link);
    assert.equal(machineNamespace(lastSlot, 99_999_999), "mh199-99999999");
});

test("only what this computer itself sent comes in, and nothing opens a connection to it", () => {
    assert.equal(
        renderCloudGuard(5),
        `table inet guard {}
delete table inet guard
table inet guard {
    chain input {
        type filter hook input priority -10; policy accept;
        iifname "computer" ip saddr != 198.18.5.1 drop
        iifname "computer" ip6 saddr != { 2001:db8:5::1, fe80::/10 } drop
    }
    chain forward {
        type filter hook forward priority -10; policy accept;
        iifname "computer" ip saddr != 198.18.5.1 drop
        iifname "computer" ip6 saddr != { 2001:db8:5::1, fe80::/10 } drop
        oifname "computer" ct state new reject with icmpx admin-prohibited
    }
}
`,
    );
});
