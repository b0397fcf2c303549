// The table of docs/dns.md is the record set, row by row: nothing is published that it does not explain, nor the reverse.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import type { DnsPlanArgs } from "../../../components/dns/plan";
import { planDnsRecords } from "../../../components/dns/plan";
import { projectRoot } from "../../../local/paths";
import { host } from "./described-host";
import { publicKey } from "./public-keys";

/** Every option that adds a record. */
const everything: DnsPlanArgs = {
    ...host,
    separateOutbound: true,
    certificateKeys: ["current", "next"],
    domains: [
        {
            name: "example.com",
            dkim: { selector: "fe-1a2b3c4d5e", publicKey: publicKey(2048) },
            siteVerification: "a1b2c3d4e5",
            dmarc: { reportAddresses: ["dmarc@example.org"] },
            caa: { issuers: ["pki.goog"] },
            mx: { further: [{ host: "mx.example.net", preference: 10 }] },
            bimi: { logoUrl: "https://example.com/logo.svg" },
        },
        { name: "example.org" },
    ],
};

function publishedRows(): string[] {
    const { records, omitted } = planDnsRecords(everything);
    assert.deepEqual(
        omitted.filter(({ domain }) => domain === "example.com"),
        [],
    );
    return records
        .filter(({ domain }) => domain === "example.com")
        .map(({ name, role, scope, phase, data }) => {
            const relative = name
                .replace(/^example\.com\._report\._dmarc\..*/, "<domain>._report._dmarc")
                .replace(/^[^.]+\._domainkey\./, "<selector>._domainkey.")
                .replace(/\.?example\.com$/, "");
            const kind = role
                .replace(/^further-.*/, "further-<host>")
                .replace(/^(issue|issuewild)-.*/, "$1-<issuer>");
            return [data.type, relative || "@", kind, scope, phase].join(" ");
        });
}

function documentedRows(): string[] {
    const text = fs.readFileSync(path.join(projectRoot, "docs", "dns.md"), "utf8");
    const codes = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]);
    return text
        .split("\n")
        .filter((line) => /^\| (?:[A-Z]+, )*[A-Z]+ /.test(line))
        .map((line) => line.split("|").map((cell) => cell.trim()))
        .flatMap(([, types = "", names = "", roles = "", scope, phase]) =>
            types
                .split(", ")
                .flatMap((type) =>
                    codes(names).flatMap((name) =>
                        codes(roles).map((role) => [type, name, role, scope, phase].join(" ")),
                    ),
                ),
        );
}

test("the documented record set is the published one", () => {
    const published = [...new Set(publishedRows())].sort();
    assert.ok(published.length > 50, `${published.length} rows`);
    assert.deepEqual(documentedRows().sort(), published);
});
