import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { StackKeys, type DataKeys } from "../../components/stack/stack-secrets";
import { RecordingMock, unhandledErrors } from "./support/recording-mock";

/** The secrets that become of these keys, or what was thrown. */
async function made(keys: DataKeys): Promise<{ value: unknown; errors: string[] }> {
    let value: unknown;
    const errors = await unhandledErrors(async () => {
        await RecordingMock.run({}, () => {
            const { secrets } = new StackKeys("mail-stack-keys", {
                ...keys,
                authBasicPassword: "password",
                dkim: { privateKey: pulumi.output("key") },
                protect: true,
            });
            secrets.apply((known) => (value = known));
        });
    });
    return { value, errors: errors.map(String) };
}

describe("StackKeys", () => {
    test("takes keys that are known only later", async () => {
        const { value, errors } = await made({
            helperEncryptionKey: pulumi.secret("A1".repeat(16)),
            txtEncryptionKey: pulumi.output("b2".repeat(16)),
        });
        assert.deepEqual(errors, []);
        const { helperEncryptionKey, txtEncryptionKey } = value as Record<string, string>;
        assert.deepEqual(
            [helperEncryptionKey, txtEncryptionKey],
            ["A1".repeat(16), "b2".repeat(16)],
        );
    });

    test("refuses wrong ones, all at once, before a volume holds them", async () => {
        const { value, errors } = await made({
            helperEncryptionKey: pulumi.secret("hunter2"),
            txtEncryptionKey: pulumi.output("1".repeat(32)),
        });
        assert.equal(value, undefined);
        assert.match(
            errors.join("\n"),
            /mail-stack-keys: nothing was deployed:\n {2}helperEncryptionKey: The value \(not shown\) has 7 characters instead of 32\..*\n {2}txtEncryptionKey: The value \(not shown\) would be read as a number/,
        );
        assert.ok(!errors.join("\n").includes("hunter2"));
    });
});
