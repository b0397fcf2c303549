import * as assert from "node:assert/strict";
import { after, before, mock, test } from "node:test";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { lookUpImages } from "../../components/stack/image-lookup";
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
    const rest =
        "is not pinned: each preview and up takes what its registry has under that tag at that moment. " +
        "Pin it with: npm run mailhost -- pin";
    assert.deepEqual(
        warn.mock.calls.map((call) => call.arguments[0]),
        [
            `The image mail, ${unpinned.mail}, ${rest}`,
            `The image router, ${unpinned.router}, ${rest}`,
        ],
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
