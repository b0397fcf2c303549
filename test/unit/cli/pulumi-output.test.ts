import assert from "node:assert/strict";
import { test } from "node:test";
import { pulumiOutput } from "../../../cli/pulumi-output";

const failing = (stderr: string) => () => Promise.resolve({ code: 255, stdout: "", stderr });

test("says what to do about what `pulumi` says where it is run for the first time", async () => {
    for (const [said, remedy] of [
        [
            "error: no Pulumi.yaml project file found (searching upwards from /). If you have not created a project yet, use `pulumi new` to do so: no project file found",
            "Run this in the folder of your Pulumi program.",
        ],
        [
            "error: no stack selected; please use `pulumi stack select` to choose one",
            "Name it with --stack, or choose it: `pulumi stack select`.",
        ],
        ["error: no stack named 'prod' found", "`pulumi stack ls` lists those that there are."],
        [
            "error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions",
            "Log in to where the state of your stacks is: `pulumi login`.",
        ],
    ] as const) {
        await assert.rejects(pulumiOutput({ pulumi: failing(`${said}\n`) }, ["stack", "export"]), {
            message: `pulumi stack export failed:\n${said}\n${remedy}`,
        });
    }
});
