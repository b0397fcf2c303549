import assert from "node:assert/strict";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import type { StateResource } from "../../../cli/deployment";
import { hetznerLookups } from "../../../cli/hetzner-lookups";
import type { Lookups } from "../../../cli/recovery-plan";

const labels = { "managed-by": "pulumi-mailhost", host: "mx.example.com" };

const answers: Record<string, unknown> = {
    "/v1/volumes?name=ours": { volumes: [{ id: 17, labels: { ...labels, more: "x" } }] },
    "/v1/volumes?name=foreign": { volumes: [{ id: 18, labels: { host: "mx.example.com" } }] },
    "/v1/volumes?name=none": { volumes: [] },
    "/v1/volumes/17": { volume: { id: 17, server: 5 } },
};

describe("look-ups at Hetzner Cloud", () => {
    let lookups: Lookups;
    const seen: (string | undefined)[] = [];
    const server = http.createServer((request, response) => {
        seen.push(request.headers.authorization);
        const answer = answers[request.url ?? ""];
        response.writeHead(answer ? 200 : 503, { "content-type": "application/json" });
        response.end(JSON.stringify(answer ?? {}));
    });

    before(async () => {
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const { port } = server.address() as AddressInfo;
        lookups = hetznerLookups({ token: "secret", endpoint: `http://127.0.0.1:${port}/v1` });
    });
    after(() => server.close());

    const look = (type: string, inputs: Record<string, unknown>) => {
        const resource: StateResource = { urn: "urn:x", type, inputs };
        return lookups[type]!(resource);
    };
    const volume = "hcloud:index/volume:Volume";
    const attachment = "hcloud:index/volumeAttachment:VolumeAttachment";

    test("finds an object of its name and labels", async () => {
        assert.equal(await look(volume, { name: "ours", labels }), "17");
        assert.deepEqual(seen, ["Bearer secret"]);
    });

    test("finds nothing where nothing is", async () => {
        assert.equal(await look(volume, { name: "none", labels }), undefined);
    });

    test("does not take an object of the same name that has other labels", async () => {
        await assert.rejects(
            look(volume, { name: "foreign", labels }),
            /named foreign \(id 18\) without the labels that this stack gives/,
        );
    });

    test("knows an attachment by its server", async () => {
        assert.equal(await look(attachment, { volumeId: 17, serverId: 5 }), "17");
        assert.equal(await look(attachment, { volumeId: 17, serverId: 6 }), undefined);
    });

    test("says which question was not answered", async () => {
        await assert.rejects(
            look(volume, { name: "down", labels }),
            /answered 503 to GET \/volumes\?name=down/,
        );
    });
});
