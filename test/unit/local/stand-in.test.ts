import * as assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import * as fc from "fast-check";
import { projectRoot } from "../../../local/paths";
import { bundleStandIn, standInPrograms } from "../../../local/stack/bundle";
import { decrypt, encrypt } from "../../../local/stack/encryption";
import { Environment, readEnvironment } from "../../../local/stack/environment";
import { listMessages, storeMessage } from "../../../local/stack/mail-store";
import { bytesOf } from "../../../local/stack/smtp-service";
import { renderDefaults, renderSchema } from "../../../local/stack/variables";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-stand-in-"));
after(() => fs.rmSync(folder, { recursive: true }));

const required = {
    DOMAIN: "example.test",
    HELPER_ENCRYPTION_KEY: "abcdefghijklmnopqrstuvwxyzABCDEF",
    TXT_ENCRYPTION_KEY: "abc",
    WEBHOOK_SIGNATURE_KEY: "def",
};

function environmentOf(lines: string, started: Record<string, string> = {}): Environment {
    fs.writeFileSync(path.join(folder, ".env"), lines);
    return readEnvironment(folder, { ...required, ...started });
}

describe("environment", () => {
    before(() => {
        fs.writeFileSync(path.join(folder, ".env.schema"), renderSchema());
        fs.writeFileSync(path.join(folder, ".env.defaults"), renderDefaults());
    });
    beforeEach(() => fs.rmSync(path.join(folder, ".env"), { force: true }));

    test("the file wins over the defaults, the process over the file", () => {
        const read = (started: Record<string, string>) =>
            environmentOf("WEB_HOST=file.test\nWEB_PORT=1\n", started);
        assert.equal(read({}).text("WEB_HOST"), "file.test");
        assert.equal(read({}).number("API_PORT"), 4000);
        assert.equal(read({ WEB_HOST: "process.test" }).text("WEB_HOST"), "process.test");
        assert.equal(read({ WEB_PORT: "2" }).number("WEB_PORT"), 2);
    });

    test("without a file the defaults count, and what has none is missing", () => {
        const all = "DOMAIN, HELPER_ENCRYPTION_KEY, TXT_ENCRYPTION_KEY, WEBHOOK_SIGNATURE_KEY";
        const missing = (started: Record<string, string>) => () => readEnvironment(folder, started);
        assert.throws(missing({}), { message: `MISSING CONFIG VALUES: ${all}` });
        const others = Object.entries(required).filter(([name]) => name !== "DOMAIN");
        assert.throws(missing(Object.fromEntries(others)), {
            message: "MISSING CONFIG VALUES: DOMAIN",
        });
        // A folder can't be read, like a file of somebody else's.
        fs.mkdirSync(path.join(folder, ".env"));
        assert.throws(missing({}), { message: `MISSING CONFIG VALUES: ${all}` });
        assert.equal(readEnvironment(folder, required).text("WEB_HOST"), "localhost");
        fs.rmdirSync(path.join(folder, ".env"));
    });

    test("a value is of the type that it looks like", () => {
        const environment = environmentOf("API_SECRETS=abc,\nWEB_HOST=a,1\nAPI_HOST=12345\n");
        assert.deepEqual(environment.list("API_SECRETS"), ["abc"]);
        assert.deepEqual(environment.list("WEB_HOST"), ["a", "1"]);
        assert.throws(() => environment.text("WEB_HOST"), {
            message: "WEB_HOST has to be a text; it was read as a list",
        });
        assert.throws(() => environment.text("API_HOST"), {
            message: "API_HOST has to be a text; it was read as a number",
        });
        assert.throws(() => environment.number("SMTP_MESSAGE_MAX_SIZE"), {
            message: "SMTP_MESSAGE_MAX_SIZE has to be a number; it was read as a string",
        });
        assert.equal(environmentOf("API_SECRETS=abc\n").list("API_SECRETS"), undefined);
        assert.equal(environmentOf("AUTH_BASIC_ENABLED=false\n").is("AUTH_BASIC_ENABLED"), false);
        assert.equal(environmentOf("AUTH_BASIC_ENABLED=TRUE\n").is("AUTH_BASIC_ENABLED"), true);
        assert.equal(environmentOf("").is("AUTH_BASIC_ENABLED"), true);
        const passwords = environmentOf("AUTH_BASIC_PASSWORD=abc*\nAUTH_BASIC_USERNAME='`1`'\n");
        assert.equal(passwords.text("AUTH_BASIC_PASSWORD"), "abc");
        assert.equal(passwords.text("AUTH_BASIC_USERNAME"), "1");
    });

    test("a value can have others in it, escaped for HTML", () => {
        const environment = environmentOf("API_HOST=a&b\nWEB_HOST={{API_HOST}}/{{ NONE }}\n");
        assert.equal(environment.text("WEB_HOST"), "a&#38;b/");
        assert.equal(environment.text("WEB_URL"), "https://a&#38;#38;b&#47;");
        assert.equal(environmentOf("WEB_HOST={{WEB_HOST}}\n").text("WEB_HOST"), "");
    });

    test("the default address of the API has a port that a firewall would close", () => {
        assert.equal(
            environmentOf("API_HOST=api.x.test\n").text("API_URL"),
            "https://api.x.test:4000",
        );
    });
});

describe("encryption", () => {
    const withKey = (key: string) => new Environment(new Map([["HELPER_ENCRYPTION_KEY", key]]));
    const environment = withKey(required.HELPER_ENCRYPTION_KEY);

    test("gives back what was encrypted, and never the same twice", () => {
        fc.assert(
            fc.property(fc.string({ unit: "grapheme" }), (text) => {
                const sealed = encrypt(environment, text);
                assert.equal(decrypt(environment, sealed), text);
                assert.notEqual(encrypt(environment, text), sealed);
            }),
        );
    });

    test("another key, or a changed text, is noticed", () => {
        const sealed = encrypt(environment, "text");
        const message =
            "Unsupported state or unable to authenticate data: encrypted with another HELPER_ENCRYPTION_KEY";
        assert.throws(() => decrypt(withKey("x".repeat(32)), sealed), { message });
        assert.throws(() => decrypt(environment, `AAAA${sealed.slice(4)}`), { message });
        assert.throws(() => decrypt(environment, ""), /encrypted with another/);
        assert.throws(() => encrypt(withKey("short"), "text"), RangeError);
    });
});

describe("mail store", () => {
    // Below /mnt there is nothing that a test may write.
    const storage = path.join(folder, "storage");
    const environment = new Environment(
        new Map([["SQLITE_STORAGE_PATH", path.relative("/mnt", storage)]]),
    );
    const me = "me@example.test";

    test("messages that come at the same time all stay, each under a number of its own", async () => {
        assert.deepEqual(await listMessages(environment, me), []);
        const bodies = Array.from({ length: 24 }, (_, index) => `message ${index}`);
        const uids = await Promise.all(
            bodies.map((body) => storeMessage(environment, me, Buffer.from(body))),
        );
        const listed = await listMessages(environment, me);
        assert.deepEqual(
            listed.map(({ uid }) => uid),
            bodies.map((_, index) => index + 1),
        );
        assert.deepEqual(
            uids.map((uid) => fs.readFileSync(listed[uid - 1]!.file, "utf8")),
            bodies,
        );
        assert.equal(fs.readdirSync(path.join(storage, me)).length, bodies.length);
    });

    test("what was left half written is no message", async () => {
        const before = await listMessages(environment, me);
        fs.writeFileSync(path.join(storage, me, "x.draft"), "half");
        assert.deepEqual(await listMessages(environment, me), before);
    });
});

test("sizes are read as the mail services write them", () => {
    assert.equal(bytesOf("50mb"), 50 * 1024 * 1024);
    assert.equal(bytesOf("1.5KB"), 1536);
    assert.equal(bytesOf("12"), 12);
    assert.throws(() => bytesOf("large"), { message: "large is no size, such as 50mb" });
});

test("the same sources make the same files; each program is there, with the version", async () => {
    const content = async (name: string, version: string) => {
        const made = path.join(folder, name);
        await bundleStandIn(made, { version });
        const files = fs.readdirSync(made).sort();
        const hash = createHash("sha256");
        for (const file of files) hash.update(file).update(fs.readFileSync(path.join(made, file)));
        return { files, hash: hash.digest("hex"), folder: made };
    };
    const first = await content("first", "v1.0.0");
    assert.deepEqual(await content("second", "v1.0.0"), {
        ...first,
        folder: path.join(folder, "second"),
    });
    assert.notEqual((await content("other", "v1.0.1")).hash, first.hash);
    for (const program of standInPrograms) assert.ok(first.files.includes(`${program}.js`));
    for (const file of [".env.schema", ".env.defaults", "package.json"]) {
        assert.ok(first.files.includes(file));
    }
    const text = first.files.map((file) => fs.readFileSync(path.join(first.folder, file), "utf8"));
    assert.ok(text.join("").includes("v1.0.0"));
    assert.ok(!text.join("").includes(projectRoot));
});
