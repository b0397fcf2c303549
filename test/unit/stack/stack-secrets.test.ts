import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import fc from "fast-check";
import { environmentLine } from "../../../components/stack/environment-text";
import { dataKeyProblems } from "../../../components/stack/stack-secrets";
import { formatProblems } from "../../../components/problem";

describe("dataKeyProblems", () => {
    for (const key of ["Aa0+/=".repeat(6).slice(0, 32), "AB12".repeat(8), "a1".repeat(16)]) {
        it(`takes ${key}, which a volume may have`, () => {
            const keys = { helperEncryptionKey: key, txtEncryptionKey: key };
            assert.deepEqual(dataKeyProblems(keys), []);
        });
    }

    it("leaves what is known later, or not given, to the host", () => {
        assert.deepEqual(dataKeyProblems({}), []);
        assert.deepEqual(dataKeyProblems({ helperEncryptionKey: pulumi.output("x") }), []);
    });

    it("names another length, and what the file could not hold", () => {
        const keys = {
            helperEncryptionKey: "hunter2",
            txtEncryptionKey: `hunter2'"${"x".repeat(23)}`,
        };
        assert.deepEqual(
            dataKeyProblems(keys).map(({ path, reason }) => `${path}: ${reason}`),
            [
                "helperEncryptionKey: The value (not shown) has 7 characters instead of 32.",
                "txtEncryptionKey: The value (not shown) can't be quoted in a way that dotenv and Docker Compose read alike.",
            ],
        );
        const digits = dataKeyProblems({ txtEncryptionKey: "1".repeat(32) });
        assert.deepEqual(
            digits.map(({ reason }) => reason),
            ["The value (not shown) would be read as a number instead of a text."],
        );
    });

    it("takes only what one line of the file holds, and never shows it", () => {
        const key = fc.string({ minLength: 32, maxLength: 32 });
        fc.assert(
            fc.property(key, (value) => {
                const problems = dataKeyProblems({ helperEncryptionKey: value });
                if (problems.length > 0) assert.ok(!formatProblems(problems).includes(value));
                else environmentLine("HELPER_ENCRYPTION_KEY", value);
            }),
        );
    });
});
