import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { planDnsRecords } from "../../../components/dns/plan";
import { renderRecordsTable } from "../../../components/dns/records-table";
import { descriptions } from "./descriptions";
import { host } from "./described-host";

describe("renderRecordsTable", () => {
    const plan = planDnsRecords({
        ...host,
        addresses: ["ipv4"],
        domains: [{ name: "example.org", dmarc: { policy: "none" } }],
    });
    const lines = renderRecordsTable(plan, { ipv4: "192.0.2.1" }).split("\n");

    it("has a heading for each zone, and a line for each record", () => {
        assert.equal(lines[0], "Zone example.com, signed by DNSSEC");
        assert.equal(lines[1], "  NAME                TYPE   TTL  PHASE      CONTENT");
        assert.ok(lines.includes("Zone example.org, signed by DNSSEC"));
        const start = lines.indexOf("Zone example.org, signed by DNSSEC");
        assert.equal(
            lines.slice(2, start - 1).length,
            plan.records.filter(({ zone }) => zone === "example.com").length,
        );
    });

    const rows = [
        "  mx                  A      300  base       192.0.2.1",
        "  @                   MX     300  serving    0 mx.example.com.",
        "  _25._tcp.mx         TLSA   300  certified  3 1 1 <certificate-key:current>",
        '  default._domainkey  TXT    300  base       "v=DKIM1; k=rsa; p=<system-dkim:default>;"',
        "  PTR  192.0.2.1  mx.example.com",
        "  AAAA mx.example.com: The host has no IPv6 address.",
        "  example.org: with the DMARC policy none, receivers deliver mail that others forge in its name.",
    ];
    for (const row of rows) it(row.trim(), () => assert.ok(lines.includes(row), lines.join("\n")));

    it("has its sections in this order", () =>
        assert.deepEqual(
            lines.filter((line) => /^[A-Z]/.test(line)),
            [
                "Zone example.com, signed by DNSSEC",
                "Zone example.org, signed by DNSSEC",
                "Set at the server's provider",
                "Left out",
                "Missing",
                "Warnings",
            ],
        ));

    it("fits a terminal of 100 columns, unless a single word doesn't", () =>
        fc.assert(
            fc.property(descriptions, (args) => {
                for (const line of renderRecordsTable(planDnsRecords(args), {}).split("\n")) {
                    const words = line.trim().split(" ");
                    assert.ok(line.length <= 100 || words.length <= 2, line);
                    assert.equal(line, line.trimEnd());
                }
            }),
            { numRuns: 200 },
        ));
});
