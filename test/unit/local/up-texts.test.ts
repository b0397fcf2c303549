// What `npm run local` says of its machine and its records.
import assert from "node:assert/strict";
import { test } from "node:test";
import { planDnsRecords } from "../../../components/dns/plan";
import { renderRecordsTable } from "../../../components/dns/records-table";
import { machineLine } from "../../../local/commands/machine-line";
import { recordsText } from "../../../local/commands/records-text";
import { refuseOtherProvider } from "../../../local/commands/refuse-other-provider";
import type { CloudInfo } from "../../../local/paths";
import { host } from "../dns/described-host";

test("the machine's kind is asked for, chosen, or that of the laptop cloud that is there", () => {
    const before = {} as CloudInfo;
    const container = { kind: "container", reason: "asked for" } as const;
    assert.equal(machineLine(container, true), "Machine: container (asked for)");
    assert.equal(machineLine(container, true, before), "Machine: container (asked for)");
    assert.equal(
        machineLine({ kind: "vm", accelerator: "kvm", reason: "KVM boots a guest" }, false),
        "Machine: vm (KVM boots a guest)",
    );
    assert.equal(
        machineLine(container, false, before),
        "Machine: container, since the laptop cloud that is here was made so (`npm run local -- down --delete` forgets it)",
    );
    assert.equal(
        machineLine({ kind: "vm", accelerator: "tcg", reason: "asked for; …" }, false, before),
        "Machine: vm with software emulation, since the laptop cloud that is here was made so (`npm run local -- down --delete` forgets it)",
    );
});

test("a server stays with its provider", () => {
    refuseOtherProvider(undefined, "digitalocean");
    refuseOtherProvider("digitalocean", undefined);
    refuseOtherProvider("digitalocean", "digitalocean");
    assert.throws(() => refuseOtherProvider("hetzner", "digitalocean"), {
        message:
            "The server of this laptop cloud is from digitalocean. To change to --provider hetzner, delete it first: npm run local -- down --delete",
    });
});

test("the records are one line when none of them has changed, else a table", () => {
    const plan = planDnsRecords(host);
    const records = (ipv4: string) => ({ plan: planDnsRecords(host), values: { ipv4 } });
    const table = renderRecordsTable(plan, { ipv4: "192.0.2.1" });
    assert.equal(recordsText(undefined, records("192.0.2.1")), table);
    assert.equal(recordsText(records("192.0.2.2"), records("192.0.2.1")), table);
    assert.equal(
        recordsText(records("192.0.2.1"), records("192.0.2.1")),
        `DNS: ${plan.records.length} records in example.com, as before: npm run local -- dns\n`,
    );
});
