import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { digitalOceanLookups } from "../../../cli/digitalocean-lookups";
import { token, withOcean, type TestOcean } from "../local/digitalocean-api-cloud";
import { publicKey } from "../local/public-key";

const look = (
    ocean: TestOcean,
    type: string,
    inputs: Record<string, unknown>,
    { as = token, known = [] as unknown[] } = {},
) => {
    const lookups = digitalOceanLookups({ apiEndpoint: `${ocean.endpoint}/`, token: as });
    const [module = ""] = [type.charAt(0).toLowerCase() + type.slice(1)];
    const full = `digitalocean:index/${module}:${type}`;
    return lookups[full]!({ urn: "urn:x", type: full, inputs }, new Set(known.map(String)));
};

const rule = { protocol: "icmp", sources: { addresses: ["::/0"] } };
const tags = ["pulumi-mailhost"];

describe("look-ups at DigitalOcean", () => {
    test("find each kind of object by its name and what tells whose it is", () =>
        withOcean(async (ocean) => {
            const droplet = await ocean.droplet({ tags: [...tags, "more"] });
            const volume = await ocean.volume({ name: "mx-example-com", tags });
            const key = publicKey();
            const made = await ocean.call("POST", "/account/keys", { name: "k", public_key: key });
            const firewall = await ocean.call("POST", "/firewalls", {
                ...{ name: "mx-example-com", inbound_rules: [rule] },
                droplet_ids: [droplet.id],
            });
            const cases: [type: string, inputs: Record<string, unknown>, id: unknown][] = [
                ["Droplet", { name: "mx.example.com", tags }, droplet.id],
                ["Volume", { name: "mx-example-com", region: "fra1", tags }, volume.id],
                ["SshKey", { name: "k", publicKey: `${key}\n` }, made.body.ssh_key!.id],
                [
                    "Firewall",
                    { name: "mx-example-com", dropletIds: [droplet.id] },
                    firewall.body.firewall!.id,
                ],
            ];
            for (const [type, inputs, id] of cases) {
                assert.equal(await look(ocean, type, inputs), String(id), type);
            }
        }));

    test("find nothing where nothing is in the way", () =>
        withOcean(async (ocean) => {
            await ocean.volume({ name: "a", region: "ams3", tags });
            await ocean.call("POST", "/account/keys", { name: "k", public_key: publicKey() });
            const cases: [type: string, inputs: Record<string, unknown>][] = [
                ["Droplet", { name: "mx.example.com", tags }],
                ["Volume", { name: "a", region: "fra1", tags }],
                ["SshKey", { name: "k", publicKey: publicKey() }],
                ["Firewall", { name: "a" }],
            ];
            for (const [type, inputs] of cases) {
                assert.equal(await look(ocean, type, inputs), undefined, type);
            }
        }));

    test("do not take another's object, and decide nothing where several fit", () =>
        withOcean(async (ocean) => {
            const one = await ocean.droplet();
            const inputs = { name: "mx.example.com", tags };
            await assert.rejects(
                look(ocean, "Droplet", inputs),
                new RegExp(
                    `there is one \\(id ${one.id}\\) without the tags that this program gives, so it is somebody else's$`,
                ),
            );
            const two = await ocean.droplet();
            await assert.rejects(
                look(ocean, "Droplet", { name: "mx.example.com" }),
                new RegExp(`there are 2 named mx\\.example\\.com \\(ids ${one.id}, ${two.id}\\)`),
            );
            const key = publicKey();
            await ocean.call("POST", "/account/keys", { name: "other", public_key: key });
            await assert.rejects(
                look(ocean, "SshKey", { name: "k", publicKey: key }),
                /without the name that this program gives/,
            );
        }));

    test("do not take another stack's, whose name and tags are the same", () =>
        withOcean(async (ocean) => {
            const droplet = await ocean.droplet({ tags });
            const volume = await ocean.volume({ name: "mx-example-com", tags });
            await ocean.call("POST", `/volumes/${volume.id}/actions`, {
                ...{ type: "attach", droplet_id: droplet.id, region: "fra1" },
            });
            const made = await ocean.call("POST", "/firewalls", {
                ...{ name: "mx-example-com", inbound_rules: [rule] },
                droplet_ids: [droplet.id],
            });
            const firewall = made.body.firewall!;
            const cases: [type: string, inputs: object, id: unknown, why: string][] = [
                ["Droplet", { name: "mx.example.com", tags }, droplet.id, "with a volume already"],
                [
                    ...(["Volume", { name: "mx-example-com", region: "fra1", tags }] as const),
                    ...([volume.id, "attached already"] as const),
                ],
                [
                    ...(["Firewall", { name: "mx-example-com", dropletIds: [1] }] as const),
                    ...([firewall.id, "for other Droplets than this stack's"] as const),
                ],
            ];
            for (const [type, inputs, id, why] of cases) {
                await assert.rejects(look(ocean, type, { ...inputs }), {
                    message: `there is one (id ${String(id)}) ${why}, so it is somebody else's`,
                });
                // One that is in the state is this stack's, whatever became of it.
                assert.equal(await look(ocean, type, { ...inputs }, { known: [id] }), String(id));
            }
        }));

    test("wait for a Droplet that is still being made, which has no addresses yet", () =>
        withOcean(async (ocean) => {
            const { id } = await ocean.droplet();
            let made = (): void => undefined;
            const making = new Promise<void>((resolve) => (made = resolve));
            const object = ocean.account.store.get("droplet", Number(id));
            ocean.account.begin(object, "initializing", "create", () => making);
            const looked = look(ocean, "Droplet", { name: "mx.example.com" });
            const first = await Promise.race([looked, sleep(300, "waiting")]);
            assert.equal(first, "waiting");
            made();
            assert.equal(await looked, String(id));
        }));

    test("leaf through every page", () =>
        withOcean(async (ocean) => {
            for (let i = 0; i < 201; i++) {
                ocean.account.store.add("firewall", {
                    ...{ id: `id-${i}`, name: `f${i}`, inbound: [], outbound: [] },
                    ...{ dropletIds: [], tags: [] },
                });
            }
            assert.equal(await look(ocean, "Firewall", { name: "f200" }), "id-200");
        }));

    test("of what can be made again without harm, nothing is looked for", () =>
        withOcean(async (ocean) => {
            for (const type of ["VolumeAttachment", "ProjectResources"]) {
                assert.equal(await look(ocean, type, {}), undefined);
            }
            assert.deepEqual(ocean.requests(), []);
        }));

    test("say which question was not answered", () =>
        withOcean(async (ocean) => {
            await assert.rejects(
                look(ocean, "Volume", { name: "a", region: "fra1" }, { as: "wrong" }),
                /API answered 401 to GET \/v2\/volumes\?name=a&region=fra1&per_page=200&page=1$/,
            );
        }));
});
