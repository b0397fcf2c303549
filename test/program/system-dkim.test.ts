import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import {
    SystemDkim,
    systemDkimProblems,
    type SystemDkimArgs,
} from "../../components/dns/system-dkim";
import { RecordingMock, valueOf } from "./support/recording-mock";

const key = "tls:index/privateKey:PrivateKey";

async function run(args: SystemDkimArgs) {
    const { mock, result } = await RecordingMock.run({}, () => new SystemDkim("mail-dkim", args));
    const keys = mock.resources.filter(({ type }) => type === key);
    return {
        dkim: result,
        keys: keys.map(({ name, inputs, protect }) => ({ name, inputs, protect })),
    };
}

const rsa2048 = { algorithm: "RSA", rsaBits: 2048 };
const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("the system's DKIM key", () => {
    test("is one protected RSA key of 2048 bits, published as bare base64 and signing", async () => {
        const { dkim, keys } = await run({});
        assert.deepEqual(keys, [{ name: "mail-dkim-default", inputs: rsa2048, protect: true }]);
        assert.equal(await valueOf(dkim.publicKeys["default"]!), base64("mail-dkim-default"));
        assert.equal(await valueOf(dkim.selector), "default");
        assert.equal(
            await valueOf(dkim.privateKey),
            `-----BEGIN RSA PRIVATE KEY-----\n${base64("private mail-dkim-default")}\n-----END RSA PRIVATE KEY-----\n`,
        );
        assert.equal(await pulumi.isSecret(dkim.privateKey), true);
    });

    test("is replaced with an overlap, each step making or taking away one key at most", async () => {
        const steps = [
            {},
            { selectors: ["default", "s2027"], signing: "default" },
            { selectors: ["default", "s2027"], signing: "s2027" },
            { selectors: ["s2027"] },
        ];
        const seen = [];
        for (const step of steps) {
            const { dkim, keys } = await run(step);
            seen.push([
                keys.map(({ name }) => name),
                Object.keys(dkim.publicKeys),
                await valueOf(dkim.selector),
            ]);
        }
        assert.deepEqual(seen, [
            [["mail-dkim-default"], ["default"], "default"],
            [["mail-dkim-default", "mail-dkim-s2027"], ["default", "s2027"], "default"],
            [["mail-dkim-default", "mail-dkim-s2027"], ["default", "s2027"], "s2027"],
            [["mail-dkim-s2027"], ["s2027"], "s2027"],
        ]);
    });

    test("can be left unprotected", async () => {
        const { keys } = await run({ protect: false });
        assert.equal(keys[0]!.protect, false);
    });

    test("refuses before anything is made", async () => {
        const mock = await RecordingMock.start();
        assert.throws(
            () => new SystemDkim("mail-dkim", { selectors: ["s2027"], signing: "default" }),
            /systemDkim\.signing: "default" is not one of the selectors \(s2027\)/,
        );
        assert.deepEqual(mock.resources, []);
    });
});

describe("systemDkimProblems", () => {
    const cases: [SystemDkimArgs, string[]][] = [
        [{}, []],
        [{ selectors: ["a", "b-2", "3"], signing: "3" }, []],
        [{ selectors: [] }, ["systemDkim.selectors"]],
        [
            { selectors: ["Default", "a.b", "-a", "a-", "", "é", "a".repeat(64)] },
            [0, 1, 2, 3, 4, 5, 6].map((index) => `systemDkim.selectors[${index}]`),
        ],
        [{ selectors: ["a", "b", "a"] }, ["systemDkim.selectors[2]"]],
        [{ selectors: [], signing: "a" }, ["systemDkim.selectors", "systemDkim.signing"]],
    ];
    for (const [args, paths] of cases) {
        test(`${JSON.stringify(args).slice(0, 60)}: ${paths.length} at once`, () => {
            assert.deepEqual(
                systemDkimProblems("systemDkim", args).map(({ path }) => path),
                paths,
            );
        });
    }
});
