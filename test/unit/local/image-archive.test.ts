import assert from "node:assert/strict";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { whyUnreachable } from "../../../local/image/archive";

let server: http.Server;
let archive: string;
/** What the server was asked for. */
const asked: (string | undefined)[] = [];
before(async () => {
    server = http.createServer((request, response) => {
        asked.push(request.url);
        const status = { present: 200, refused: 403, missing: 404 }[request.url!.split("/")[2]!];
        response.writeHead(status!).end("Origin: Nobody\n");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    archive = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

test("an archive that answers is reached, also when it has no such suite", async () => {
    assert.equal(await whyUnreachable(archive, "present"), undefined);
    assert.equal(await whyUnreachable(archive, "missing"), undefined);
    assert.deepEqual(asked, ["/dists/present/InRelease", "/dists/missing/InRelease"]);
});

test("one that nobody serves, or that lets this computer see nothing, is not", async () => {
    assert.match((await whyUnreachable("http://127.0.0.1:1", "present"))!, /Connection refused/);
    assert.match((await whyUnreachable(archive, "refused"))!, /^403 +Forbidden/);
});
