import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { after, before, describe, mock, test } from "node:test";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { pin } from "../../cli/pin";
import { registryLookUp } from "../../cli/pin-lookup";
import { lookUpImages } from "../../components/stack/image-lookup";
import { imageWarnings } from "../../components/stack/images";
import type { ImageName } from "../../components/stack/model";
import {
    certifyLoopback,
    digestOf,
    startFakeRegistry,
    type Certified,
    type FakeRegistry,
} from "../unit/local/image-registry";
import { SimulatedStack } from "./support/simulated-stack";

const mediaType = "application/vnd.oci.image.index.v1+json";
const mail = { mediaType, body: '{"schemaVersion":2,"manifests":[]}' };
const router = { mediaType, body: '{"schemaVersion":2,"manifests":[{}]}' };

let certified: Certified;
let registry: FakeRegistry;
let stack: SimulatedStack;
let unpinned: Record<ImageName, string>;
before(async () => {
    certified = await certifyLoopback();
    registry = await startFakeRegistry({
        certified,
        images: { "owner/mail:v1.0.0": mail, "library/nginx:1.28": router },
    });
    unpinned = {
        mail: `${registry.host}/owner/mail:v1.0.0`,
        mongodb: `${registry.host}/library/mongo:8.0`,
        redis: `${registry.host}/library/redis:7.4`,
        router: `${registry.host}/library/nginx:1.28`,
    };
    stack = await SimulatedStack.create();
    process.env["SSL_CERT_FILE"] = certified.caFile;
});
after(async () => {
    delete process.env["SSL_CERT_FILE"];
    await stack.remove();
    await registry.stop();
    certified.remove();
});

const program = (images: Record<ImageName, string>) => () => lookUpImages("mail", images);
/** The program's outputs, and what the registry was asked. */
async function up(images: Record<ImageName, string>) {
    registry.requests.length = 0;
    const { changes, outputs } = await stack.up(program(images));
    const values = Object.fromEntries(Object.entries(outputs).map(([k, v]) => [k, v.value]));
    return { changes, values, requests: [...new Set(registry.requests)].sort() };
}
const pinned = () => ({
    ...unpinned,
    mail: `${unpinned.mail}@${digestOf(mail.body)}`,
    router: `${unpinned.router}@${digestOf(router.body)}`,
});

test("pinned images are taken as they are: no request, no provider", async () => {
    const images = pinned();
    assert.deepEqual(await up(images), { changes: {}, values: images, requests: [] });
});

test("a preview looks up what is not pinned, and warns of it", async () => {
    registry.requests.length = 0;
    const warn = mock.method(pulumi.log, "warn", () => Promise.resolve());
    assert.deepEqual(await stack.preview(program(unpinned)), { create: 1 });
    assert.deepEqual(registry.requests.sort(), [
        "HEAD /v2/library/nginx/manifests/1.28",
        "HEAD /v2/owner/mail/manifests/v1.0.0",
    ]);
    assert.deepEqual(
        warn.mock.calls.map((call) => call.arguments[0]),
        imageWarnings("stack.images", unpinned),
    );
    warn.mock.restore();
});

test("an up gets their digests, and never asks for a database", async () => {
    const { changes, values, requests } = await up(unpinned);
    assert.deepEqual(changes, { create: 1 });
    assert.deepEqual(values, pinned());
    assert.deepEqual(requests, [
        "HEAD /v2/library/nginx/manifests/1.28",
        "HEAD /v2/owner/mail/manifests/v1.0.0",
    ]);
});

test("one that is pinned is not asked for beside one that isn't", async () => {
    const { values, requests } = await up({ ...unpinned, router: pinned().router });
    assert.deepEqual(values, pinned());
    assert.deepEqual(requests, ["HEAD /v2/owner/mail/manifests/v1.0.0"]);
});

/** What the engine says of a look-up that fails, with a provider of this configuration. */
async function failedLookUp(name: string, config: docker.ProviderArgs): Promise<string> {
    let told = "";
    await stack.preview(async () => {
        const provider = new docker.Provider("any", config);
        // Caught here: a program that fails leaves rejected promises behind, which the test runner would see.
        await docker.getRegistryImage({ name }, { provider }).catch((error: Error) => {
            told = error.message;
        });
    });
    return told;
}

test("a look-up of an unknown tag fails and names it", async () => {
    assert.match(
        await failedLookUp(`${registry.host}/owner/mail:v9`, { disableDockerDaemonCheck: true }),
        /fetch image version owner\/mail:v9 from registry: Got bad response from registry: 404 Not Found/,
    );
});

test("without the setting, the provider fails where no daemon is", async () => {
    const host = "unix:///nonexistent/docker.sock";
    assert.match(
        await failedLookUp(unpinned.mail, { host }),
        /Cannot connect to the Docker daemon at unix:\/\/\/nonexistent\/docker\.sock/,
    );
});

test("resources of Docker are refused", async () => {
    const told = await stack.failedPreview(() => {
        const provider = new docker.Provider("any", { disableDockerDaemonCheck: true });
        new docker.Volume("volume", {}, { provider });
    });
    assert.match(told, /simulated docker provider has no resource docker:index\/volume:Volume/);
});

describe("mailhost pin", () => {
    /** Looks up with the simulated provider, as a user's `pulumi` does with the real one. */
    const lookUp = (home = "home", timeoutSeconds?: number) =>
        registryLookUp({
            timeoutSeconds,
            environment: {
                PATH: `${path.join(stack.folder, "bin")}:${process.env["PATH"]}`,
                PULUMI_HOME: path.join(stack.folder, home),
                PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
            },
        });
    const state = () => fs.readdirSync(path.join(stack.folder, "state"), { recursive: true });

    test("looks up in a stack of its own, each image apart", async () => {
        const before = state();
        const unknown = `${registry.host}/owner/mail:v9`;
        const found = await lookUp()([unpinned.mail, unpinned.router, unknown]);
        assert.deepEqual(found.get(unpinned.mail), { digest: digestOf(mail.body) });
        assert.deepEqual(found.get(unpinned.router), { digest: digestOf(router.body) });
        const failed = found.get(unknown);
        assert.ok(failed && "error" in failed);
        assert.match(failed.error, /owner\/mail:v9 from registry: .*404 Not Found/);
        assert.deepEqual(state(), before, "the user's state");
        const home = fs.readdirSync(path.join(stack.folder, "home"));
        assert.equal(home.includes("credentials.json"), false, "the user's login");
    });

    test("finds Docker Hub's images at its registry", async () => {
        const found = await lookUp()(["docker.io/library/mongo:8.0", "mongo:8.0"]);
        for (const result of found.values()) {
            assert.ok("error" in result);
            assert.match(
                result.error,
                /https:\/\/registry-1\.docker\.io\/v2\/library\/mongo\/manifests\/8\.0: .*laptop cloud only/,
            );
        }
        assert.equal(found.size, 2);
    });

    test("tells of a provider that isn't installed", async () => {
        fs.mkdirSync(path.join(stack.folder, "empty-home"));
        const found = await lookUp("empty-home")([unpinned.mail]);
        const result = found.get(unpinned.mail);
        assert.ok(result && "error" in result);
        assert.match(result.error, /^no resource plugin 'pulumi-resource-docker' found .*$/);
    });

    test("tells that there is no pulumi", async () => {
        const without = registryLookUp({ environment: { PATH: "/nonexistent" } });
        await assert.rejects(without([unpinned.mail]), { message: /There is no `pulumi` on PATH/ });
    });

    test("does not wait for ever", async () => {
        const silent = net.createServer();
        await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
        const { port } = silent.address() as net.AddressInfo;
        try {
            const name = `127.0.0.1:${port}/owner/mail:v1.0.0`;
            const start = Date.now();
            const result = (await lookUp("home", 5)([name])).get(name);
            assert.ok(result && "error" in result);
            assert.ok(Date.now() - start < 45_000, "the provider itself would wait a minute");
        } finally {
            silent.close();
        }
    });

    test("writes into the stack's configuration, and the second time finds nothing to do", async () => {
        await stack.cli(["config", "set", "--stack", "test", "mailhost:domain", "example.com"]);
        const images = { mongodb: unpinned.mail, redis: unpinned.mail, router: unpinned.router };
        const run = (options: object) =>
            pin({
                ...options,
                json: true,
                stack: "test",
                pulumi: (args) => stack.cli(args),
                lookUp: lookUp(),
                say: () => undefined,
            });
        await run({ image: { ...images, mail: unpinned.mail } });
        const { stdout } = await stack.cli(["config", "--json", "--stack", "test"]);
        const config = JSON.parse(stdout) as Record<
            string,
            { objectValue: unknown; value: unknown }
        >;
        const reference = pinned().mail;
        assert.deepEqual(config["mailhost:stack"]?.objectValue, {
            images: {
                mail: reference,
                mongodb: reference,
                redis: reference,
                router: pinned().router,
            },
        });
        assert.equal(config["mailhost:domain"]?.value, "example.com");

        registry.requests.length = 0;
        const again = JSON.parse(await run({})) as { images: Record<string, { changed: boolean }> };
        assert.deepEqual(
            Object.values(again.images).map(({ changed }) => changed),
            [false, false, false, false],
        );
        assert.deepEqual(registry.requests, []);
    });
});
