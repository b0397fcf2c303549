import * as assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import {
    ResourceProviderClient,
    ResourceProviderService,
} from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as pb from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import {
    InitializationFailure,
    resource,
    service,
    type Provider,
} from "../../../local/providers/serve";
import { unknownValue, type Properties } from "../../../local/providers/schema";

const disk = resource({
    inputs: {
        size: { type: "integer", required: true },
        zone: { type: "string", default: "z1", replaces: true },
        pin: { type: "string" },
    },
    outputs: {
        address: { type: "string" },
        key: { type: "string", secret: true },
        generation: { type: "integer", changesOnUpdate: true },
    },
    check: ({ size }) => ({
        failures: size === 13 ? [{ path: "size", reason: "not 13" }] : undefined,
    }),
    diff: (differences) => ({
        deleteBeforeReplace: differences.some((d) => d.path === "zone"),
    }),
    create(inputs, { config }) {
        if (inputs.size === 500) throw new Error("no space left");
        const outputs = { ...inputs, address: config.region, key: "K", generation: 1 };
        if (inputs.size === 99) throw new InitializationFailure("7", outputs, "does not answer");
        return { id: "7", outputs };
    },
    read(id) {
        if (id === "gone") return undefined;
        return { id, inputs: { size: 5 }, outputs: { size: 5, key: "K" } };
    },
    update(old, news) {
        return { outputs: { ...old.outputs, ...news, generation: 2 } };
    },
});

const provider: Provider = {
    name: "test",
    version: "1.2.3",
    config: {
        region: { type: "string", required: true },
        retries: { type: "integer" },
        token: { type: "string", secret: true },
    },
    checkConfig: ({ token }) =>
        token !== undefined && (token as string).length !== 4
            ? [{ path: "token", reason: "must have 4 characters" }]
            : [],
    resources: {
        "test:index/disk:Disk": disk,
        "test:index/fixed:Fixed": resource({
            inputs: { a: { type: "string" } },
            outputs: {},
            create: (inputs) => ({ id: "f", outputs: inputs }),
        }),
    },
    functions: {},
};

const urnOf = (type: string) => `urn:pulumi:s::p::parent$test:index/${type}::name`;
const urn = urnOf("disk:Disk");
const secret = (value: string) => ({
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    value,
});
const struct = (properties: Properties) => Struct.fromJavaScript(properties);

let server: grpc.Server;
let client: ResourceProviderClient;
before(async () => {
    server = new grpc.Server();
    server.addService(ResourceProviderService, service(provider, undefined));
    const port = await new Promise<number>((resolve, reject) =>
        server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
            error ? reject(error) : resolve(bound),
        ),
    );
    client = new ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    await configure({ region: "north", retries: "3" });
});
after(() => {
    client.close();
    server.forceShutdown();
});

function answer<R>(
    call: (done: (error: grpc.ServiceError | null, response: R) => void) => unknown,
) {
    return new Promise<R>((resolve, reject) => {
        call((error, response) => (error ? reject(error) : resolve(response)));
    });
}

function configure(args: Properties) {
    const request = new pb.ConfigureRequest();
    request.setArgs(struct(args));
    return answer<pb.ConfigureResponse>((done) => client.configure(request, done));
}

async function check(news: Properties, of = urn) {
    const request = new pb.CheckRequest();
    request.setUrn(of);
    request.setNews(struct(news));
    const response = await answer<pb.CheckResponse>((done) => client.check(request, done));
    return {
        inputs: response.getInputs()?.toJavaScript(),
        failures: response.getFailuresList().map((f) => `${f.getProperty()}: ${f.getReason()}`),
    };
}

function create(inputs: Properties, preview = false) {
    const request = new pb.CreateRequest();
    request.setUrn(urn);
    request.setProperties(struct(inputs));
    request.setPreview(preview);
    return answer<pb.CreateResponse>((done) => client.create(request, done));
}

async function diff(olds: Properties, news: Properties, of = urn, ignored: string[] = []) {
    const request = new pb.DiffRequest();
    request.setUrn(of);
    request.setOldInputs(struct(olds));
    request.setNews(struct(news));
    request.setIgnorechangesList(ignored);
    return answer<pb.DiffResponse>((done) => client.diff(request, done));
}

describe("configuration", () => {
    test("is judged by the table, all at once, and never shows a secret", async () => {
        const request = new pb.CheckRequest();
        request.setNews(struct({ retries: '"x"', token: 7, regoin: "n", version: "1" }));
        const response = await answer<pb.CheckResponse>((done) =>
            client.checkConfig(request, done),
        );
        assert.deepEqual(
            response.getFailuresList().map((f) => `${f.getProperty()}: ${f.getReason()}`),
            [
                "regoin: Invalid or unknown key. Known here: region, retries, token.",
                'region: Missing required argument. The argument "region" is required, but no definition was found.',
                'retries: expected integer, got string ("x")',
                "token: expected string, got number",
            ],
        );
    });

    test("that the provider refuses ends configuration with one message", async () => {
        await assert.rejects(configure({ region: "n", token: "123" }), {
            details: "test:token: must have 4 characters",
        });
    });
});

describe("check", () => {
    test("fills defaults in and collects failures", async () => {
        assert.deepEqual(await check({ size: 1 }), {
            inputs: { size: 1, zone: "z1" },
            failures: [],
        });
        assert.deepEqual((await check({ sise: 1 })).failures, [
            "sise: Invalid or unknown key. Known here: pin, size, zone.",
            'size: Missing required argument. The argument "size" is required, but no definition was found.',
        ]);
        assert.deepEqual((await check({ size: 13 })).failures, ["size: not 13"]);
    });

    test("of a resource that is not simulated says which are", async () => {
        await assert.rejects(check({}, urnOf("tape:Tape")), {
            details:
                "The simulated test provider has no resource test:index/tape:Tape; it has test:index/disk:Disk, test:index/fixed:Fixed.",
        });
    });
});

describe("diff", () => {
    test("tells updates from replacements, with details", async () => {
        const response = await diff({ size: 1, zone: "a" }, { size: 2, zone: "b", pin: "1" });
        assert.equal(response.getChanges(), pb.DiffResponse.DiffChanges.DIFF_SOME);
        assert.deepEqual(response.getDiffsList(), ["size", "zone", "pin"]);
        assert.deepEqual(response.getReplacesList(), ["zone"]);
        assert.equal(response.getDeletebeforereplace(), true);
        const { Kind } = pb.PropertyDiff;
        assert.deepEqual(
            response
                .getDetaileddiffMap()
                .toArray()
                .map(([path]) => [path, response.getDetaileddiffMap().get(path)?.getKind()]),
            [
                ["pin", Kind.ADD],
                ["size", Kind.UPDATE],
                ["zone", Kind.UPDATE_REPLACE],
            ],
        );
    });

    test("of equal and of ignored inputs is none", async () => {
        const { DIFF_NONE } = pb.DiffResponse.DiffChanges;
        assert.equal((await diff({ size: 1 }, { size: 1 })).getChanges(), DIFF_NONE);
        const ignored = await diff({ size: 1 }, { size: 2 }, urn, ["size"]);
        assert.equal(ignored.getChanges(), DIFF_NONE);
    });

    test("replaces whatever can't be updated", async () => {
        const response = await diff({ a: "1" }, { a: "2" }, urnOf("fixed:Fixed"));
        assert.deepEqual(response.getReplacesList(), ["a"]);
    });
});

describe("create", () => {
    test("knows the configuration, and marks secrets", async () => {
        const response = await create({ size: 1, zone: "a" });
        assert.equal(response.getId(), "7");
        assert.deepEqual(response.getProperties()?.toJavaScript(), {
            size: 1,
            zone: "a",
            address: "north",
            key: secret("K"),
            generation: 1,
        });
    });

    test("in a preview makes nothing, and leaves outputs unknown", async () => {
        const response = await create({ size: 500, zone: unknownValue }, true);
        assert.deepEqual(response.getProperties()?.toJavaScript(), {
            size: 500,
            zone: unknownValue,
            address: unknownValue,
            key: unknownValue,
            generation: unknownValue,
        });
    });

    test("that fails has one clean message", async () => {
        await assert.rejects(create({ size: 500 }), {
            code: grpc.status.UNKNOWN,
            details: "no space left",
        });
    });

    test("of what isn't ready hands over its state with the failure", async () => {
        const error = await create({ size: 99 }).then(
            () => assert.fail(),
            (e: grpc.ServiceError) => e,
        );
        assert.equal(error.details, "does not answer");
        const [packed] = error.metadata.get("grpc-status-details-bin") as Buffer[];
        const detail = Status.deserializeBinary(packed!).getDetailsList()[0]!;
        assert.equal(detail.getTypeName(), "pulumirpc.ErrorResourceInitFailed");
        const failed = pb.ErrorResourceInitFailed.deserializeBinary(detail.getValue_asU8());
        assert.equal(failed.getId(), "7");
        assert.deepEqual(failed.getReasonsList(), ["does not answer"]);
        assert.deepEqual(failed.getProperties()?.toJavaScript(), {
            size: 99,
            address: "north",
            key: secret("K"),
            generation: 1,
        });
    });
});

test("a preview of an update knows what an update leaves alone", async () => {
    const request = new pb.UpdateRequest();
    request.setUrn(urn);
    request.setPreview(true);
    request.setOlds(struct({ size: 1, address: "north", key: secret("K"), generation: 1 }));
    request.setNews(struct({ size: 2 }));
    const response = await answer<pb.UpdateResponse>((done) => client.update(request, done));
    assert.deepEqual(response.getProperties()?.toJavaScript(), {
        size: 2,
        address: "north",
        key: secret("K"),
        generation: unknownValue,
    });
});

describe("read", () => {
    function read(id: string, of = urn, properties: Properties = {}) {
        const request = new pb.ReadRequest();
        request.setUrn(of);
        request.setId(id);
        request.setProperties(struct(properties));
        return answer<pb.ReadResponse>((done) => client.read(request, done));
    }

    test("gives inputs and outputs, and no id for what is gone", async () => {
        const found = await read("7");
        assert.equal(found.getId(), "7");
        assert.deepEqual(found.getInputs()?.toJavaScript(), { size: 5 });
        assert.deepEqual(found.getProperties()?.toJavaScript(), { size: 5, key: secret("K") });
        assert.equal((await read("gone")).getId(), "");
    });

    test("of a resource that can't be looked up finds what was known, and imports nothing", async () => {
        const known = await read("f", urnOf("fixed:Fixed"), { a: "1" });
        assert.deepEqual(known.getProperties()?.toJavaScript(), { a: "1" });
        await assert.rejects(read("f", urnOf("fixed:Fixed")), {
            details: "test:index/fixed:Fixed can't be imported.",
        });
    });
});

test("the plugin tells its version, and its schema in Pulumi's form", async () => {
    const info = await answer<{ getVersion(): string }>((done) =>
        client.getPluginInfo(new Empty(), done),
    );
    assert.equal(info.getVersion(), "1.2.3");
    const response = await answer<pb.GetSchemaResponse>((done) =>
        client.getSchema(new pb.GetSchemaRequest(), done),
    );
    const schema = JSON.parse(response.getSchema()) as {
        resources: Record<string, { requiredInputs: string[]; properties: object }>;
    };
    const described = schema.resources["test:index/disk:Disk"];
    assert.deepEqual(described?.requiredInputs, ["size"]);
    assert.deepEqual(Object.keys(described.properties), [
        "size",
        "zone",
        "pin",
        "address",
        "key",
        "generation",
    ]);
});
