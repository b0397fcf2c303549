import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as http from "node:http";
import { request } from "node:https";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";
import { pingDaemon } from "../../../local/providers/docker/daemon";
import { parseImageName } from "../../../local/providers/docker/image-name";
import { dockerProvider } from "../../../local/providers/docker/provider";
import { imageDigest, type RegistryLogin } from "../../../local/providers/docker/registry";
import { checkProperties, type Properties } from "../../../local/providers/schema";
import {
    certifyLoopback,
    digestOf,
    startDistribution,
    startFakeRegistry,
    type Certified,
    type FakeRegistry,
    type Manifest,
} from "./image-registry";
import { differencesFromSdk } from "./sdk-properties";
import { testContext } from "./test-context";

const oci = "application/vnd.oci.image";
const index: Manifest = {
    mediaType: `${oci}.index.v1+json`,
    body: JSON.stringify({ schemaVersion: 2, mediaType: `${oci}.index.v1+json`, manifests: [] }),
};
const single: Manifest = {
    mediaType: "application/vnd.docker.distribution.manifest.v2+json",
    body: JSON.stringify({ schemaVersion: 2, layers: [] }),
};

let certified: Certified;
before(async () => {
    certified = await certifyLoopback();
});
after(() => certified.remove());

/** The digest that the provider finds for `host/name`. */
function lookUp(
    { host }: { host: string },
    name: string,
    options: { logins?: RegistryLogin[]; environment?: NodeJS.ProcessEnv; insecure?: boolean } = {},
): Promise<string> {
    return imageDigest(parseImageName(`${host}/${name}`), {
        logins: options.logins ?? [],
        insecureSkipVerify: options.insecure ?? false,
        environment: options.environment ?? { SSL_CERT_FILE: certified.caFile },
        signal: new AbortController().signal,
    });
}

/** A registry that one test uses. */
async function withRegistry(
    options: Partial<Parameters<typeof startFakeRegistry>[0]>,
    use: (registry: FakeRegistry) => Promise<void>,
): Promise<void> {
    const images = { "library/mongo:8.0": index, "library/nginx:latest": single };
    const registry = await startFakeRegistry({ certified, images, ...options });
    try {
        await use(registry);
    } finally {
        await registry.stop();
    }
}

describe("the name of an image", () => {
    const hub = "registry-1.docker.io";
    const digest = `sha256:${"0".repeat(64)}`;
    const cases: [name: string, registry: string, repository: string, reference: string][] = [
        ["mongo", hub, "library/mongo", "latest"],
        ["mongo:8.0", hub, "library/mongo", "8.0"],
        ["owner/app:1", hub, "owner/app", "1"],
        ["docker.io/library/mongo:8.0", "docker.io", "library/mongo", "8.0"],
        ["ghcr.io/owner/app:v1.0.0", "ghcr.io", "owner/app", "v1.0.0"],
        ["198.18.3.2:5000/library/redis:7.4", "198.18.3.2:5000", "library/redis", "7.4"],
        ["localhost/app", "localhost", "app", "latest"],
        ["a/b/c", "a", "b/c", "latest"],
        [`nginx:1.28@${digest}`, hub, "library/nginx", digest],
        [`127.0.0.1:5000/a/b:1@${digest}`, "127.0.0.1:5000", "a/b", digest],
    ];
    for (const [name, registry, repository, reference] of cases) {
        test(name, () => {
            assert.deepEqual(parseImageName(name), { registry, repository, reference });
        });
    }
});

describe("a look-up", () => {
    test("of an image for several architectures gives the digest of their index", () =>
        withRegistry({}, async (registry) => {
            assert.equal(await lookUp(registry, "library/mongo:8.0"), digestOf(index.body));
            assert.deepEqual(registry.requests, ["HEAD /v2/library/mongo/manifests/8.0"]);
        }));

    test("of a plain image gives that of its manifest", () =>
        withRegistry({}, async (registry) => {
            assert.equal(await lookUp(registry, "library/nginx"), digestOf(single.body));
        }));

    test("by digest asks for the digest", () =>
        withRegistry({}, async (registry) => {
            const digest = digestOf(index.body);
            assert.equal(await lookUp(registry, `library/mongo:8.0@${digest}`), digest);
            assert.deepEqual(registry.requests, [`HEAD /v2/library/mongo/manifests/${digest}`]);
        }));

    test("takes a token where one is asked for", () =>
        withRegistry({ tokensFor: "anonymous" }, async (registry) => {
            assert.equal(await lookUp(registry, "library/mongo:8.0"), digestOf(index.body));
            const manifest = "HEAD /v2/library/mongo/manifests/8.0";
            assert.deepEqual(registry.requests, [manifest, "GET /token", manifest]);
        }));

    test("logs in for its token", () =>
        withRegistry({ tokensFor: { username: "u", password: "p" } }, async (registry) => {
            const login = { address: registry.host, username: "u", password: "p" };
            const digest = await lookUp(registry, "library/mongo:8.0", { logins: [login] });
            assert.equal(digest, digestOf(index.body));
        }));

    test("reads the whole manifest where its digest isn't told", () =>
        withRegistry({ tokensFor: "anonymous", silentDigest: true }, async (registry) => {
            assert.equal(await lookUp(registry, "library/mongo:8.0"), digestOf(index.body));
            assert.equal(registry.requests.at(-1), "GET /v2/library/mongo/manifests/8.0");
        }));

    const refusals: [
        what: string,
        options: Partial<Parameters<typeof startFakeRegistry>[0]>,
        name: string,
        message: RegExp,
    ][] = [
        [
            "an unknown tag",
            {},
            "library/mongo:99",
            /^Got error when attempting to fetch image version library\/mongo:99 from registry: Got bad response from registry: 404 Not Found$/,
        ],
        ["an unknown image", { tokensFor: "anonymous" }, "a/b:1", /a\/b:1 .*404 Not Found$/],
        [
            "no login where one is needed",
            { tokensFor: { username: "u", password: "p" } },
            "library/mongo:8.0",
            /library\/mongo:8\.0 .*401 Unauthorized$/,
        ],
        [
            "a registry that wants a password",
            { basic: true },
            "library/mongo:8.0",
            /Bad credentials: 401 Unauthorized$/,
        ],
        ["a failing registry", { broken: 503 }, "library/mongo:8.0", /503 Service Unavailable$/],
    ];
    for (const [what, options, name, message] of refusals) {
        test(`is refused: ${what}`, () =>
            withRegistry(options, async (registry) => {
                await assert.rejects(lookUp(registry, name), { message });
            }));
    }

    test("asks a second time, for manifests of the old kind, before it fails", () =>
        withRegistry({}, async (registry) => {
            await assert.rejects(lookUp(registry, "library/mongo:99"));
            const manifest = "HEAD /v2/library/mongo/manifests/99";
            assert.deepEqual(registry.requests, [manifest, manifest]);
        }));

    test("of a registry that is down says so", async () => {
        let gone = { host: "" };
        await withRegistry({}, (registry) => Promise.resolve(void (gone = registry)));
        await assert.rejects(lookUp(gone, "library/mongo:8.0"), {
            message: /Error during registry request: Head "https:\/\/127.*": connect ECONNREFUSED/,
        });
    });

    test("trusts no certificate of an unknown authority, unless it is told to", () =>
        withRegistry({}, async (registry) => {
            const environment = {};
            await assert.rejects(lookUp(registry, "library/mongo:8.0", { environment }), {
                message: /Error during registry request: Head .*self-signed certificate$/,
            });
            const digest = await lookUp(registry, "library/mongo:8.0", {
                environment,
                insecure: true,
            });
            assert.equal(digest, digestOf(index.body));
        }));

    test("never leaves this computer", async () => {
        await assert.rejects(lookUp({ host: "ghcr.io" }, "owner/app:1"), {
            message: /owner\/app:1 .* is https:\/\/ghcr\.io\/.*talks to a laptop cloud only/,
        });
    });

    test("trusts a laptop cloud's authority for its registry, and finds where it listens", () =>
        withRegistry({}, async (registry) => {
            const cloud = fs.mkdtempSync(path.join(os.tmpdir(), "cloud-"));
            const environment = { MAILHOST_LAPTOP_CLOUD: cloud };
            const describe = (host: string, localHost: string) =>
                fs.writeFileSync(
                    path.join(cloud, "cloud.json"),
                    JSON.stringify({ registry: { host, localHost, caFile: certified.caFile } }),
                );
            try {
                describe(registry.host, registry.host);
                const digest = await lookUp(registry, "library/mongo:8.0", { environment });
                assert.equal(digest, digestOf(index.body));
                // The certificate has to be of the name that the image has.
                describe("198.18.9.2:5000", registry.host);
                const elsewhere = { host: "198.18.9.2:5000" };
                await assert.rejects(lookUp(elsewhere, "library/mongo:8.0", { environment }), {
                    message: /IP: 198\.18\.9\.2 is not in the cert's list: 127\.0\.0\.1/,
                });
            } finally {
                fs.rmSync(cloud, { recursive: true });
            }
        }));
});

describe("the function", () => {
    const { inputs, ...handler } =
        dockerProvider.functions["docker:index/getRegistryImage:getRegistryImage"]!;

    test("answers as the real one", () =>
        withRegistry({}, async (registry) => {
            const name = `${registry.host}/library/mongo:8.0`;
            const { values } = checkProperties(inputs, { name, insecureSkipVerify: true });
            const digest = digestOf(index.body);
            assert.deepEqual(await handler.invoke(values, testContext()), {
                id: digest,
                insecureSkipVerify: true,
                name,
                sha256Digest: digest,
            });
        }));

    test("wants a name", () => {
        assert.match(checkProperties(inputs, {}).failures[0]?.reason ?? "", /"name" is required/);
    });

    test("the tables agree with the installed package", () => {
        assert.deepEqual(differencesFromSdk(dockerProvider), []);
    });
});

describe("configuration", () => {
    const configure = (config: Properties) => dockerProvider.configure!(config);
    const nowhere = "unix:///nonexistent/docker.sock";

    test("asks the daemon, and fails without one", async () => {
        await assert.rejects(configure({ host: nowhere }), {
            message: `Error pinging Docker server: Cannot connect to the Docker daemon at ${nowhere}. Is the docker daemon running?`,
        });
        await assert.rejects(configure({ host: nowhere, disableDockerDaemonCheck: false }));
    });

    test("asks nobody when told not to", async () => {
        await configure({ host: nowhere, disableDockerDaemonCheck: true });
    });

    test("is content with a daemon that answers, not with one that fails", async () => {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "daemon-"));
        const socket = path.join(folder, "docker.sock");
        let status = 200;
        const asked: (string | undefined)[] = [];
        const daemon = http.createServer((message, response) => {
            asked.push(message.url);
            response.writeHead(status).end("OK");
        });
        await new Promise<void>((resolve) => daemon.listen(socket, resolve));
        try {
            await pingDaemon(`unix://${socket}`);
            assert.deepEqual(asked, ["/_ping"]);
            status = 500;
            await assert.rejects(pingDaemon(`unix://${socket}`), { message: /Error pinging/ });
        } finally {
            daemon.close();
            fs.rmSync(folder, { recursive: true });
        }
    });

    test("reaches no daemon elsewhere", async () => {
        await assert.rejects(configure({ host: "ssh://root@203.0.113.5" }), {
            message: /docker:host is ssh:.*Unix socket only/,
        });
    });

    test("takes logins with a name, and those that need none", () => {
        const failing = (entry: Properties) => {
            const config = { registryAuth: [entry] };
            const { values, failures } = checkProperties(dockerProvider.config, config);
            return [...failures, ...dockerProvider.checkConfig!(values)].map(({ path }) => path);
        };
        const address = "127.0.0.1:5000";
        assert.deepEqual(failing({ address, username: "u", password: "p" }), []);
        assert.deepEqual(failing({ address, authDisabled: true }), []);
        assert.deepEqual(failing({ address }), ["registryAuth[0]"]);
        assert.deepEqual(failing({ username: "u" }), ["registryAuth[0].address"]);
        assert.deepEqual(failing({ address, username: "u", configFile: "x" }), [
            "registryAuth[0].configFile",
        ]);
    });
});

test("agrees with Debian's registry on the digests of what was pushed", async (t) => {
    const registry = await startDistribution(certified);
    if (!registry)
        return t.skip("docker-registry is not installed: apt-get install docker-registry");
    /** Sends a request with a body, and returns the answer's headers. */
    const send = (method: string, url: string, body: string, type: string) =>
        new Promise<http.IncomingHttpHeaders>((resolve, reject) => {
            const headers = { "content-type": type, "content-length": Buffer.byteLength(body) };
            request(url, { method, headers, ca: certified.cert, agent: false }, (response) => {
                response.resume();
                if ((response.statusCode ?? 500) < 300) resolve(response.headers);
                else reject(new Error(`${method} ${url}: ${response.statusCode}`));
            })
                .on("error", reject)
                .end(body);
        });
    try {
        const repository = `https://${registry.host}/v2/library/mongo`;
        const blob = async (content: string) => {
            const { location } = await send("POST", `${repository}/blobs/uploads/`, "", "");
            const to = `${location}&digest=${digestOf(content)}`;
            await send("PUT", to, content, "application/octet-stream");
            return { digest: digestOf(content), size: content.length };
        };
        const push = async (name: string, mediaType: string, members: object) => {
            const body = JSON.stringify({ schemaVersion: 2, mediaType, ...members });
            await send("PUT", `${repository}/manifests/${name}`, body, mediaType);
            return { mediaType, digest: digestOf(body), size: body.length };
        };
        const config = {
            mediaType: `${oci}.config.v1+json`,
            ...(await blob('{"architecture":"amd64","os":"linux"}')),
        };
        const manifest = `${oci}.manifest.v1+json`;
        const amd64 = await push("8.0-amd64", manifest, { config, layers: [] });
        const platform = { architecture: "amd64", os: "linux" };
        const both = await push("8.0", index.mediaType, { manifests: [{ ...amd64, platform }] });

        assert.equal(await lookUp(registry, "library/mongo:8.0"), both.digest);
        assert.equal(await lookUp(registry, "library/mongo:8.0-amd64"), amd64.digest);
        assert.equal(await lookUp(registry, `library/mongo:8.0@${both.digest}`), both.digest);
        await assert.rejects(lookUp(registry, "library/mongo:7.0"), {
            message: /library\/mongo:7\.0 from registry: Got bad response from registry: 404/,
        });
        await assert.rejects(lookUp(registry, "library/redis:8.0"), { message: /404 Not Found$/ });
    } finally {
        await registry.stop();
    }
});
