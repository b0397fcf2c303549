import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Command } from "commander";
import { lookUpFailure, pin, withPinOptions, type PinOptions } from "../../../cli/pin";
import type { Images } from "../../../cli/pin-plan";

const one = `@sha256:${"1".repeat(64)}`;
const two = `@sha256:${"2".repeat(64)}`;
const images = {
    mail: `ghcr.io/owner/mail:v1.0.0${one}`,
    mongodb: `mongo:8.0${one}`,
    redis: `redis:7.4${one}`,
    router: `nginx:1.28${one}`,
};

type Answer = { code: number; stdout?: string; stderr?: string };

interface Run {
    text: string;
    /** What `pulumi` was asked. */
    calls: string[];
    looked: readonly string[];
    said: string[];
}

/** The command on a stack with these images, at registries that hold `two` under every tag. */
async function run(
    configured: Images | undefined,
    options: PinOptions & { stack?: string } = {},
    answers: { config?: Answer; set?: Answer; errors?: Record<string, string> } = {},
): Promise<Run> {
    const ran: Run = { text: "", calls: [], looked: [], said: [] };
    const config = configured && { "mailhost:stack": { objectValue: { images: configured } } };
    const read = { code: 0, stdout: JSON.stringify({ "hcloud:token": {}, ...config }) };
    ran.text = await pin({
        ...options,
        pulumi: (args) => {
            ran.calls.push(args.join(" "));
            const answer = args[1] === "--json" ? (answers.config ?? read) : answers.set;
            return Promise.resolve({ code: 0, stdout: "", stderr: "", ...answer });
        },
        lookUp: (references) => {
            ran.looked = references;
            const found = references.map((reference) => {
                const error = answers.errors?.[reference];
                return [reference, error ? { error } : { digest: two.slice(1) }] as const;
            });
            return Promise.resolve(new Map(found));
        },
        say: (line) => ran.said.push(line),
    });
    return ran;
}

test("writes what a first pin finds, in one command, and shows it", async () => {
    const { text, calls, looked, said } = await run(undefined, { mailTag: "v1.2.3" });
    const references = {
        mail: "ghcr.io/forwardemail/forwardemail.net-selfhosted:v1.2.3",
        mongodb: "docker.io/library/mongo:8.0",
        redis: "docker.io/library/redis:7.4",
        router: "docker.io/library/nginx:1.28",
    };
    assert.deepEqual(looked, Object.values(references));
    const values = Object.entries(references).map(
        ([name, reference]) => `--plaintext mailhost:stack.images.${name}=${reference}${two}`,
    );
    assert.deepEqual(calls, ["config --json", `config set-all --path ${values.join(" ")}`]);
    assert.deepEqual(said, [
        ...Object.values(references).map((reference) => `looking up ${reference}`),
        "writing mail, mongodb, redis, router into the configuration",
    ]);
    const digits = "222222222222";
    assert.deepEqual(text.split("\n"), [
        "  IMAGE    BEFORE  NOW",
        `  mail     –       ${references.mail}@sha256:${digits}…`,
        `  mongodb  –       ${references.mongodb}@sha256:${digits}…`,
        `  redis    –       ${references.redis}@sha256:${digits}…`,
        `  router   –       ${references.router}@sha256:${digits}…`,
        "",
        "Now `pulumi preview` shows what an `up` would change.",
        "",
    ]);
});

test("leaves what is pinned, asks no registry and writes nothing", async () => {
    const { text, calls, looked } = await run(images, { stack: "prod" });
    assert.deepEqual(calls, ["config --json --stack prod"]);
    assert.deepEqual(looked, []);
    assert.match(text, /^ {2}mongodb {2}as before {2}mongo:8\.0@sha256:1{12}…$/m);
    assert.match(text, /\n\nNothing changed\.\n$/);
});

test("looks up again what holds no data, where no image is named", async () => {
    const { looked } = await run(images, { update: true });
    assert.deepEqual(looked, ["ghcr.io/owner/mail:v1.0.0", "nginx:1.28"]);
});

test("takes another release from where the present one comes from", async () => {
    const { text, calls, looked } = await run(images, { mailTag: "v1.1.0", stack: "prod" });
    assert.deepEqual(looked, ["ghcr.io/owner/mail:v1.1.0"]);
    assert.equal(
        calls[1],
        `config set-all --path --plaintext mailhost:stack.images.mail=ghcr.io/owner/mail:v1.1.0${two} --stack prod`,
    );
    assert.match(text, /^ {2}mail +ghcr\.io\/owner\/mail:v1\.0\.0@sha256:1{12}… {2}ghcr/m);
});

test("prints a document for a script", async () => {
    const { text } = await run(images, { update: ["router"], json: true });
    const same = (name: keyof typeof images) => ({
        before: images[name],
        now: images[name],
        changed: false,
    });
    assert.deepEqual(JSON.parse(text), {
        images: {
            mail: same("mail"),
            mongodb: same("mongodb"),
            redis: same("redis"),
            router: { before: images.router, now: `nginx:1.28${two}`, changed: true },
        },
    });
});

test("writes nothing when a tag stands for what it stood for", async () => {
    const { calls } = await run({ ...images, mail: `m:1${two}` }, { update: ["mail"] });
    assert.deepEqual(calls, ["config --json"]);
});

describe("changes nothing", () => {
    // Reached, the command that writes would fail with another message.
    const set = { code: 1, stderr: "written" };
    const refused = (start: Promise<Run>, message: RegExp) => assert.rejects(start, { message });

    test("when a look-up fails, and tells of each that did", () =>
        refused(
            run(
                { ...images, mail: "m:1", router: "r:1" },
                {},
                {
                    errors: {
                        "m:1": "Got error … from registry: Got bad response from registry: 404 Not Found",
                        "r:1": "Got error … from registry: Got bad response from registry: 429 Too Many Requests",
                    },
                    set,
                },
            ),
            /^The configuration was not changed:\n {2}mail \(m:1\): there is no such image.*\(404 Not Found\)\.\n {2}router \(r:1\): .*limit.*$/,
        ));

    test("and says once what concerns several", () =>
        refused(
            run(
                { ...images, mail: "m:1", router: "r:1" },
                {},
                {
                    errors: Object.fromEntries(
                        ["m:1", "r:1"].map((name) => [
                            name,
                            `Error during registry request: Head "https://${name}": no such host`,
                        ]),
                    ),
                    set,
                },
            ),
            /^The configuration was not changed:\n {2}mail \(m:1\), router \(r:1\): its registry can't be reached [^\n]* \(Error during registry request: Head "https:\/\/m:1": no such host\)\.$/,
        ));

    test("without a release of the mail services", () =>
        refused(run({}), /mail: which release of the mail services\?/));

    test("when both options say which mail image", () =>
        refused(run(images, { mailTag: "v1", image: { mail: "m:1" } }), /give one of them/));

    test("for a tag that is none", () =>
        refused(run(images, { mailTag: "owner/mail:v1" }), /"owner\/mail:v1" is not a tag/));

    test("without `pulumi`", () =>
        refused(run(images, {}, { config: { code: 127 } }), /There is no `pulumi` on PATH/));

    test("without a stack", () =>
        refused(
            run(images, {}, { config: { code: 1, stderr: "error: no stack selected" } }),
            /^pulumi config failed:\nerror: no stack selected\nName it with --stack, or choose it: `pulumi stack select`\.$/,
        ));
});

test("tells when the configuration can't be written", async () => {
    const set = { code: 255, stderr: "error: read-only file system" };
    await assert.rejects(run(images, { mailTag: "v2" }, { set }), {
        message: "pulumi config set-all failed:\nerror: read-only file system",
    });
});

describe("what a failed look-up means", () => {
    const of = (said: string) =>
        `invocation returned an error: Got error when attempting to fetch image version a:1 from registry: ${said}\n`;
    const cases: [error: string, meaning: RegExp][] = [
        [of("Got bad response from registry: 404 Not Found"), /^there is no such image or tag\./],
        [of("Got bad response from registry: 401 Unauthorized"), /without a login, .*\(401 Unauth/],
        [of("Bad credentials: 401 Unauthorized"), /without a login \(401 Unauthorized\)$/],
        [of("Got bad response from registry: 403 Forbidden"), /without a login/],
        [of("Got bad response from registry: 503 Service Unavailable"), /its registry fails/],
        [
            of('Error during registry request: Head "https://a/v2/a/manifests/404": no such host'),
            /can't be reached from this computer/,
        ],
        [
            of('Error during registry request: Head "https://a": x509: unknown authority'),
            /certificate is not trusted here\. Set SSL_CERT_FILE/,
        ],
        [
            "no resource plugin 'pulumi-resource-docker' found",
            /`pulumi install`.*fetches its plugin/,
        ],
        ["something else", /^something else \(\)$/],
    ];
    for (const [error, meaning] of cases) {
        test(error.trim(), () => {
            const { meaning: found, said = "" } = lookUpFailure(error);
            assert.match(`${found} (${said})`, meaning);
        });
    }
});

describe("the options", () => {
    const parse = (...args: string[]) => {
        let said = "";
        const command = withPinOptions(new Command("pin"))
            .exitOverride()
            .configureOutput({ writeErr: (text) => (said += text) });
        try {
            return command.parse(args, { from: "user" }).opts();
        } catch {
            return said;
        }
    };

    test("read several images", () => {
        assert.deepEqual(parse("--image", "mongodb=mongo:8.2", "--image", "router=nginx:1.29"), {
            image: { mongodb: "mongo:8.2", router: "nginx:1.29" },
        });
    });

    test("read whose tags are looked up again", () => {
        assert.deepEqual(parse(), {});
        assert.deepEqual(parse("--update"), { update: true });
        assert.deepEqual(parse("--update", "redis,mail"), { update: ["redis", "mail"] });
        assert.deepEqual(parse("--update", "all"), {
            update: ["mail", "mongodb", "redis", "router"],
        });
    });

    for (const [option, value, why] of [
        ["--image", "mongo=mongo:8", "The images are mail, mongodb, redis, router."],
        ["--image", "mail", "Write a name and a reference, e.g. mongodb=mongo:8.0."],
        ["--image", "mail=", "Write a name and a reference, e.g. mongodb=mongo:8.0."],
        ["--update", "db", "The images are mail, mongodb, redis, router."],
    ] as const) {
        test(`refuse ${option} ${value}`, () => {
            const told = parse(option, value);
            assert.ok(typeof told === "string");
            assert.ok(told.endsWith(` is invalid. ${why}\n`), told);
        });
    }
});
