// Pulumi.staging.yaml and Pulumi.prod.yaml, previewed as they stand: what a user has to fill in, and no more, is added.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { parse, parseDocument } from "yaml";
import { runQuietly } from "../../cli/run-program";
import { parseStackFile } from "../../cli/stack-file";
import { projectRoot } from "../../local/paths";
import { TestCloud, token } from "../unit/local/hetzner-api-cloud";
import { images } from "../unit/stack/stacks";
import { CloudflareAccount, cloudflareToken } from "./support/cloudflare-account";
import { SimulatedStack } from "./support/simulated-stack";

let hetzner: TestCloud;
let cloudflare: CloudflareAccount;
let stack: SimulatedStack;

before(async () => {
    hetzner = await TestCloud.open();
    cloudflare = await CloudflareAccount.open();
    await cloudflare.addZone("example.com");
    stack = await SimulatedStack.create();
});
after(async () => {
    await stack.remove();
    await cloudflare.close();
    await hetzner.close();
});

const settings = (file: string) => fs.readFileSync(path.join(projectRoot, file), "utf8");

/** The settings that the file shows as comments, each as the user would uncomment it. */
function filledIn(file: string): string {
    return settings(file)
        .replace(/# (sshAllowedCidrs:)\n( +)# ( +- )/, "$1\n$2$3")
        .replaceAll(/# (mailhost:(domain|email): )/g, "$1");
}

/** `Server mail-server` of its URN: an attachment has the name of its volume. */
function resourceOf(urn: string): string {
    const [, , types, name] = urn.split("::");
    return `${types!.split(":").pop()} ${name}`;
}

interface Step {
    op: string;
    urn: string;
    newState?: { inputs?: Record<string, unknown>; protect?: boolean };
}

/** What `pulumi preview` of the program with that file would make, by logical name. */
async function preview(file: string): Promise<Record<string, NonNullable<Step["newState"]>>> {
    const name = /Pulumi\.(\w+)\.yaml/.exec(file)![1]!;
    const project = path.join(stack.folder, name);
    fs.mkdirSync(project);
    fs.copyFileSync(path.join(projectRoot, "Pulumi.yaml"), path.join(project, "Pulumi.yaml"));
    const made = await stack.cli(["stack", "init", name, "-C", project]);
    assert.equal(made.code, 0, made.stderr);
    const written = path.join(project, `Pulumi.${name}.yaml`);
    const salt = parseDocument(fs.readFileSync(written, "utf8")).get("encryptionsalt");
    const document = parseDocument(filledIn(file));
    if (salt !== undefined) document.set("encryptionsalt", salt);
    document.setIn(["config", "mailhost:stack"], { images });
    document.setIn(["config", "hcloud:endpoint"], hetzner.endpoint);
    document.setIn(["config", "cloudflare:baseUrl"], cloudflare.baseUrl);
    fs.writeFileSync(written, document.toString());
    for (const [key, value] of [
        ["hcloud:token", token],
        ["cloudflare:apiToken", cloudflareToken],
    ] as const) {
        const set = await stack.cli(
            ["config", "set", "--secret", key, "--stack", name, "-C", project],
            { input: value },
        );
        assert.equal(set.code, 0, set.stderr);
    }
    const { code, stdout, stderr } = await stack.cli([
        ...["preview", "--json", "--stack", name, "-C", projectRoot, "--config-file", written],
    ]);
    assert.equal(code, 0, stdout.slice(-3000) + stderr);
    const { steps } = JSON.parse(stdout) as { steps: Step[] };
    assert.deepEqual([...new Set(steps.map(({ op }) => op))], ["create"]);
    return Object.fromEntries(steps.map(({ urn, newState }) => [resourceOf(urn), newState!]));
}

const writes = () => hetzner.requests().filter(({ method }) => method !== "GET");

describe("the stack files", () => {
    test("staging is small, free to be destroyed, and asks the authority's staging", async () => {
        const made = await preview("Pulumi.staging.yaml");
        const inputs = made["Server mail-server"]!.inputs!;
        assert.equal(inputs["serverType"], "cax11");
        assert.equal(inputs["name"], "mx.staging.example.com");
        assert.deepEqual(
            Object.keys(made).filter((name) => made[name]!.protect),
            [],
        );
        const { config } = parse(settings("Pulumi.staging.yaml")) as { config: object };
        assert.deepEqual((config as Record<string, unknown>)["mailhost:certificate"], {
            authority: "letsencrypt-staging",
        });
        assert.deepEqual(writes(), []);
    });

    test("prod keeps volume, addresses and keys", async () => {
        const made = await preview("Pulumi.prod.yaml");
        const inputs = made["Server mail-server"]!.inputs!;
        assert.equal(inputs["serverType"], "cax21");
        assert.equal(inputs["name"], "mx.example.com");
        const names = Object.keys(made).filter((name) => made[name]!.protect);
        for (const kept of ["Volume mail-data", "PrimaryIp mail-ipv4", "PrimaryIp mail-ipv6"]) {
            assert.ok(names.includes(kept), `${kept} is not among ${names.join(", ")}`);
        }
        assert.ok(names.includes("PrivateKey mail-host-key"));
        assert.ok(!names.includes("Server mail-server"));
        assert.deepEqual(writes(), []);
    });

    test("are read as the engine reads them, whatever a text looks like", async () => {
        const written = path.join(stack.folder, "Pulumi.read.yaml");
        const texts = [
            "12345e6789",
            "1e5",
            "0012345678",
            "a1b2c3d4e5",
            "true",
            "0x12",
            "1_000",
            "~",
        ];
        const domains = texts.map((text) => ({ name: "a.test", siteVerification: text }));
        fs.copyFileSync(path.join(stack.folder, "work", "Pulumi.test.yaml"), written);
        const before = parseStackFile(fs.readFileSync(written, "utf8"));
        // To a list that is there the engine adds in another way than it writes a new one.
        before.setIn(["config", "simulated:domains"], [{ name: "b.test" }]);
        fs.writeFileSync(written, before.toString());
        const value = { objectValue: domains, value: JSON.stringify(domains), secret: false };
        const json = JSON.stringify({ "simulated:domains": value });
        const config = (...args: string[]) =>
            stack.cli(["config", ...args, "--stack", "test", "--config-file", written]);
        const set = await config("set-all", "--json", json);
        assert.equal(set.code, 0, set.stderr);
        const text = fs.readFileSync(written, "utf8");
        assert.match(text, / 12345e6789$/m);
        const { config: read } = parseStackFile(text).toJS() as { config: object };
        assert.deepEqual(read, { "simulated:domains": domains });
        assert.deepEqual(JSON.parse((await config("get", "simulated:domains")).stdout), domains);
    });

    test("no secret stands in either", async () => {
        for (const file of ["Pulumi.staging.yaml", "Pulumi.prod.yaml"]) {
            const text = settings(file);
            assert.doesNotMatch(
                text,
                /secure:|encryptionsalt|^ *(hcloud:token|cloudflare:apiToken):/m,
            );
        }
        const ignored = await runQuietly("git", ["check-ignore", "Pulumi.prod.yaml"], {
            cwd: projectRoot,
        });
        assert.notEqual(ignored.code, 0);
    });
});
