// The main job on a Droplet, container kind: mail in and out, and a Droplet that is replaced. The steps build on each other.
import assert from "node:assert/strict";
import { Resolver } from "node:dns/promises";
import { after, before, describe } from "node:test";
import { cloudStatus } from "../../local/cloud/start";
import { snapshotImageId } from "../../local/image/build-image";
import { deliver, writeLetter, type Letter } from "../../local/proof/mail-client";
import { rememberHost } from "../../local/laptop";
import { blocksRunBy } from "./support/documented";
import { killedEngine } from "./support/killed-engine";
import { allProven, costOf, isThere, mailboxAt, outsideOf } from "./support/mail-host";
import { checkOutFor, Operator } from "./support/operator";
import { orderedSteps } from "./support/steps";
import {
    dropletStackSize,
    eventually,
    readChanges,
    suiteLimit,
    TestLaptop,
} from "./support/test-laptop";

/** What the DNS server says of the host. */
interface Published {
    a: string[];
    aaaa: string[];
    pointers: string[];
}

function without(values: Record<string, unknown>, key: string): Record<string, unknown> {
    return Object.fromEntries(Object.entries(values).filter(([name]) => name !== key));
}

const blocks = blocksRunBy(__filename);

describe("a mail host on a Droplet", { timeout: suiteLimit }, () => {
    const step = orderedSteps();
    let laptop: TestLaptop;
    let operator: Operator;
    const { killInWindow, recovered } = killedEngine(() => laptop);

    before(async () => {
        laptop = await TestLaptop.start("droplet", { kind: "container" });
        await laptop.configure("digitalocean:apiEndpoint", laptop.info.digitalOceanEndpoint);
        operator = new Operator({
            blocks,
            folder: await checkOutFor(laptop, { packages: true }),
            environment: laptop.stack.environment,
            answers: { "digitalocean:token": laptop.info.digitalOceanToken },
        });
    });
    after(() => laptop?.close());

    async function published(): Promise<Published> {
        const resolver = new Resolver();
        const { dns } = await laptop.status();
        resolver.setServers([`${dns!.host}:${dns!.port}`]);
        const [a, aaaa] = await Promise.all([
            resolver.resolve4("mx.example.test"),
            resolver.resolve6("mx.example.test"),
        ]);
        const pointers = await Promise.all([...a, ...aaaa].map((ip) => resolver.reverse(ip)));
        return { a, aaaa, pointers: pointers.flat() };
    }

    /** DNS says what the Droplet has, and nothing else. */
    async function isPublished(): Promise<Published> {
        const { published: own, provider } = await laptop.status();
        assert.equal(provider, "digitalocean");
        const found = await published();
        assert.deepEqual([found.a, found.aaaa], [[own.ipv4], [own.ipv6]]);
        assert.deepEqual(found.pointers, ["mx.example.test", "mx.example.test"]);
        return found;
    }

    const volumes = async () => (await cloudStatus(laptop.name))!.volumes;

    /** One that the host took before its server was replaced. */
    let letter: Letter;

    step("the first `up` makes it, after the settings of docs/servers.md", async () => {
        const printed = await operator.follow(
            "docs/servers.md",
            "pulumi config set --path mailhost:server.provider digitalocean",
        );
        assert.deepEqual(readChanges(printed), { created: dropletStackSize });
        await rememberHost(laptop.name, await laptop.stack.outputs());
        await isPublished();
    });

    step("a mail comes in and is read, another goes out and passes every check", async (t) => {
        await allProven(laptop, t);
    });

    step("another `up` with nothing changed logs in nowhere and writes nothing", async () => {
        const cost = await costOf(laptop, () => laptop.up("--expect-no-changes"));
        assert.deepEqual(cost, { logins: 0, writes: 0 });
    });

    step(
        "a replaced Droplet: DNS and SPF follow its addresses, the mail is still there",
        async (t) => {
            const before = await isPublished();
            const [volume] = await volumes();
            letter = writeLetter("stranger@sink.test", mailboxAt(laptop).address);
            await deliver(await outsideOf(laptop), letter);
            await laptop.configure("mailhost:server", {
                ...(await laptop.server()),
                ...{ image: String(snapshotImageId), system: "debian-13" },
            });
            const { printed } = await laptop.up();
            t.diagnostic(printed.slice(printed.lastIndexOf("Resources:")).replaceAll("\n", " "));
            const now = await isPublished();
            for (const family of ["a", "aaaa"] as const) {
                assert.notDeepEqual(now[family], before[family]);
            }
            const { droplets } = await laptop.api<{
                droplets: { id: number; image: { id: number } }[];
            }>("GET", "/v2/droplets");
            assert.deepEqual(
                droplets.map(({ image }) => image.id),
                [snapshotImageId],
            );
            assert.deepEqual(await volumes(), [{ ...volume, server: droplets[0]!.id }]);
            assert.equal(volume!.detachedWhileMounted, 0);
            const outside = await outsideOf(laptop);
            await eventually(
                () => isThere(outside, mailboxAt(laptop), letter),
                180,
                "the old mail is read",
            );
            await allProven(laptop, t);
        },
    );

    step(
        "killed when the old Droplet is gone and the new one not noted: recovered, none is doubled",
        async () => {
            const [volume] = await volumes();
            await laptop.configure("mailhost:server", {
                ...without(await laptop.server(), "system"),
                image: "debian-13",
            });
            await killInWindow("POST", "/v2/droplets");
            const { done, said } = await recovered();
            const adopted = done.adopted.map(({ urn }) => urn.split("::").at(-1));
            assert.deepEqual(adopted, ["mail-server"], said);
            await laptop.up();
            const { droplets } = await laptop.api<{ droplets: { id: number }[] }>(
                "GET",
                "/v2/droplets",
            );
            assert.deepEqual(await volumes(), [{ ...volume, server: droplets[0]!.id }]);
            assert.equal(droplets.length, 1);
            await isPublished();
            const outside = await outsideOf(laptop);
            await eventually(
                () => isThere(outside, mailboxAt(laptop), letter),
                180,
                "the old mail is read",
            );
            await laptop.up("--expect-no-changes");
        },
    );

    step("the host is destroyed, and nothing of it is left at the provider", async () => {
        const { code, stdout, stderr } = await laptop.pulumi("destroy", "--yes", "--skip-preview");
        assert.equal(code, 0, stdout + stderr);
        for (const [path, collection] of [
            ["/v2/droplets", "droplets"],
            ["/v2/volumes", "volumes"],
            ["/v2/firewalls", "firewalls"],
            ["/v2/account/keys", "ssh_keys"],
        ] as const) {
            assert.deepEqual((await laptop.api("GET", path))[collection], [], path);
        }
    });
});
