import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { planPins, type Images, type PinRequest } from "../../../cli/pin-plan";
import { defaultImages, isPinned } from "../../../components/stack/images";
import { imageNames, type ImageName } from "../../../components/stack/model";

const digest = `@sha256:${"a".repeat(64)}`;
const pinned = {
    mail: `ghcr.io/owner/mail:v1.0.0${digest}`,
    mongodb: `mongo:8.0${digest}`,
    redis: `redis:7.4${digest}`,
    router: `nginx:1.28${digest}`,
} satisfies Images;
const nothing: PinRequest = { chosen: {}, update: [], allowMajor: false };

/** Image → what is looked up for it. */
const wanted = (configured: Images, request: Partial<PinRequest> = {}) =>
    Object.fromEntries(
        planPins(configured, { ...nothing, ...request }).flatMap(({ image, wanted }) =>
            wanted === undefined ? [] : [[image, wanted]],
        ),
    );

describe("what is looked up", () => {
    test("nothing of what is pinned", () => {
        assert.deepEqual(
            planPins(pinned, nothing),
            imageNames.map((image) => ({ image, before: pinned[image] })),
        );
    });

    test("what isn't set, as by default, with the release that is named", () => {
        const mail = `${defaultImages.mail}:v1.2.3`;
        assert.deepEqual(wanted({}, { chosen: { mail } }), { ...defaultImages, mail });
    });

    test("of a laptop cloud what it has", () => {
        assert.deepEqual(wanted({ mail: pinned.mail }, { defaults: pinned }), {
            mongodb: pinned.mongodb,
            redis: pinned.redis,
            router: pinned.router,
        });
    });

    test("what has no digest, databases too", () => {
        const configured = { ...pinned, redis: "redis:7.4", router: "nginx:1.29" };
        assert.deepEqual(wanted(configured), { redis: "redis:7.4", router: "nginx:1.29" });
    });

    test("what is chosen, whatever is there", () => {
        assert.deepEqual(wanted(pinned, { chosen: { router: "nginx:1.29" } }), {
            router: "nginx:1.29",
        });
    });

    test("of the pinned ones those that are named, by their tags", () => {
        assert.deepEqual(wanted(pinned, { update: ["mail", "mongodb"] }), {
            mail: "ghcr.io/owner/mail:v1.0.0",
            mongodb: "mongo:8.0",
        });
    });

    test("never a pinned image that isn't named", () => {
        const subset = fc.subarray([...imageNames]);
        fc.assert(
            fc.property(subset, subset, (update, unpinned) => {
                const configured: Partial<Record<ImageName, string>> = { ...pinned };
                for (const image of unpinned) configured[image] = pinned[image].split("@")[0];
                const looked = Object.keys(wanted(configured, { update })).sort();
                assert.deepEqual(looked, [...new Set([...update, ...unpinned])].sort());
            }),
        );
    });
});

describe("a database's version", () => {
    const cases: [
        image: "mongodb" | "redis" | "router",
        from: string,
        to: string,
        refusal?: RegExp,
    ][] = [
        ["mongodb", "8.0", "8.0"],
        ["mongodb", "8.0", "8.2"],
        ["mongodb", "8.0.4", "8.0.13-noble"],
        ["mongodb", "8.0", "8"],
        ["mongodb", "8", "8.0", /from tag 8 to 8\.0 is an older version\. MongoDB starts only/],
        [
            "mongodb",
            "8.2.1",
            "9.0",
            /is another major version\. .*CompatibilityVersion: "8\.2", confirm/,
        ],
        ["mongodb", "8.0", "7.0", /from tag 8\.0 to 7\.0 is another major version/],
        ["mongodb", "8.2", "8.0", /is an older version/],
        ["mongodb", "8.0", "latest", /may be another major version/],
        ["mongodb", "noble", "8.0", /may be another major version/],
        ["mongodb", "noble", "noble"],
        ["mongodb", "80", "8.0", /is another major version/],
        ["redis", "7.4", "7.6"],
        ["redis", "7.4", "8.0-alpine", /is another major version\. Redis reads no data/],
        ["router", "1.28", "2.0"],
    ];
    for (const [image, from, to, refusal] of cases) {
        test(`${image} ${from} to ${to} is ${refusal ? "refused" : "taken"}`, () => {
            const configured = { ...pinned, [image]: `${image}:${from}${digest}` };
            const chosen = { [image]: `${image}:${to}` };
            const plan = (allowMajor: boolean) => wanted(configured, { chosen, allowMajor });
            assert.deepEqual(plan(true), chosen);
            if (!refusal) return assert.deepEqual(plan(false), chosen);
            assert.throws(() => plan(false), { message: refusal });
            assert.throws(() => plan(false), { message: /Then run this again with --allow-major/ });
        });
    }

    test("is free while none is set", () => {
        assert.deepEqual(wanted({ ...pinned, mongodb: undefined }), {
            mongodb: defaultImages.mongodb,
        });
        assert.deepEqual(
            wanted({ ...pinned, mongodb: undefined }, { chosen: { mongodb: "mongo:7.0" } }),
            { mongodb: "mongo:7.0" },
        );
    });
});

test("everything that stands against it is told at once", () => {
    const chosen = { redis: "Redis:7", mongodb: "mongo:9.0", router: "nginx" };
    assert.throws(() => planPins({ mongodb: pinned.mongodb }, { ...nothing, chosen }), {
        message: new RegExp(
            [
                "^Nothing was looked up or changed:",
                "mail: which release of the mail services\\? Name it, e\\.g\\. --mail-tag v1\\.2\\.3\\. .*",
                "mongodb: from tag 8\\.0 to 9\\.0 is another major version\\. .*",
                'redis: "Redis:7" is not the reference of an image\\. .*',
                "router: nginx has no tag\\. Name one, e\\.g\\. --image router=docker\\.io/library/nginx:1\\.28$",
            ].join("\n  "),
        ),
    });
});

test("an image that is pinned without a tag can't be brought up to date", () => {
    const configured = { ...pinned, router: `nginx${digest}` };
    assert.deepEqual(wanted(configured), {});
    assert.throws(() => wanted(configured, { update: ["router"] }), {
        message: /router: nginx has no tag/,
    });
});

test("what is chosen by digest is looked up by it", () => {
    const router = `nginx:1.29${digest}`;
    assert.ok(isPinned(router));
    assert.deepEqual(wanted(pinned, { chosen: { router } }), { router });
});
