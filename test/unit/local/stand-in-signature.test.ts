// The DKIM signature of the stand-in, checked by the library's verifier.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { dkimVerify } from "../../../local/stack/mail-authentication";
import { signatureOf } from "../../../local/stack/outgoing";

const message = Buffer.from(
    "From: me@example.test\r\nTo: you@example.net\r\nSubject: Hello\r\n\r\nHello\r\n",
);

test("a signature is good, also when a second passes while it is made", async (t) => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const record = `v=DKIM1; k=rsa; p=${publicKey.export({ type: "spki", format: "der" }).toString("base64")}`;
    let now = Date.now();
    // Earlier and earlier, since the verifier refuses what is signed in the future.
    const clock = t.mock.method(Date, "now", () => (now -= 1000));
    const signature = await signatureOf(
        message,
        { _id: "example.test", dkim_key_selector: "fe-1" },
        privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    );
    clock.mock.restore();
    const { results } = await dkimVerify(Buffer.concat([Buffer.from(signature), message]), {
        resolver: (name: string, type: string) => {
            assert.deepEqual([name, type], ["fe-1._domainkey.example.test", "TXT"]);
            return Promise.resolve([[record]]);
        },
    });
    assert.deepEqual(
        results.map(({ status }) => status.result),
        ["pass"],
    );
});
