import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import type { Struct } from "google-protobuf/google/protobuf/struct_pb";
import type {
    RegisterResourceOutputsRequest,
    RegisterResourceRequest,
} from "@pulumi/pulumi/proto/resource_pb";
import {
    MockMonitor,
    type MockCallArgs,
    type MockResourceArgs,
} from "@pulumi/pulumi/runtime/mocks";
import { isSecretValue, unwrapSecrets } from "./secret-values";
import { computedOutputs } from "./computed-outputs";

/** A resource as the program registered it. */
export interface RecordedResource {
    type: string;
    name: string;
    custom: boolean;
    /** Inputs with secrets in plain, unknown ones left out. */
    inputs: Record<string, unknown>;
    /** Inputs as they were sent: secrets and unknown values in the engine's notation. */
    sent: Record<string, unknown>;
    /** Names of the inputs that are, or hold, a secret. */
    secretInputs: string[];
    /** `type::name` of the parent; undefined for the stack's. */
    parent?: string;
    /** `type::name` of what it was told or found to depend on, sorted; components stand for their children. */
    dependsOn: string[];
    protect: boolean;
    retainOnDelete: boolean;
    ignoreChanges: string[];
    deleteBeforeReplace: boolean;
    /** Whether the state may have it under its name without a parent. */
    aliasWithoutParent: boolean;
    /** `type::name` of its provider, where one was given. */
    provider?: string;
}

/** A server that the simulated account already has. */
export interface RunningServer {
    name: string;
    serverType: string;
}

/** A zone that the simulated account holds. */
export interface HeldZone {
    records?: object[];
    /** @default "active" */
    status?: string;
}

interface Options {
    /** @default false */
    preview?: boolean;
    /**
     * What `cloudflare.getZone` finds, by name; undefined for a zone that there isn't.
     *
     * @default every zone, without a record
     */
    zones?: Record<string, HeldZone | undefined>;
    /** As in a preview in which the token is not known yet: the engine asks no provider, and gives nothing. */
    tokenUnknown?: boolean;
    /** What `hcloud.getServers` finds. */
    runningServers?: RunningServer[];
}

/** `type::name` of a URN. */
function shortName(urn: string): string {
    const [, , types = "", name = ""] = urn.split("::");
    return `${types.split("$").pop() ?? ""}::${name}`;
}

function plainObject(struct: Struct | undefined): Record<string, unknown> {
    return struct?.toJavaScript() ?? {};
}

function isMockMonitor(monitor: unknown): monitor is MockMonitor {
    return monitor instanceof MockMonitor;
}

/** Stands for the engine and all providers, keeps what a program registers, and returns values that look real. */
export class RecordingMock {
    readonly resources: RecordedResource[] = [];
    readonly calls: MockCallArgs[] = [];
    /** What components registered as outputs, by `type::name`, as it was sent. */
    readonly outputs: Record<string, Record<string, unknown>> = {};

    private constructor(private readonly options: Options) {}

    /** Takes the place of whatever monitor the process had. */
    static async start(options: Options = {}): Promise<RecordingMock> {
        const mock = new RecordingMock(options);
        const mocks: pulumi.runtime.Mocks = {
            newResource: (args) => mock.create(args),
            call: (args) => mock.call(args),
        };
        await pulumi.runtime.setMocks(mocks, "mailhost", "test", options.preview ?? false);
        // A mock is not told parents, dependencies and options; the monitor that calls it is.
        const monitor: unknown = pulumi.runtime.getMonitor();
        assert.ok(isMockMonitor(monitor));
        const register = monitor.registerResource.bind(monitor);
        monitor.registerResource = (request: RegisterResourceRequest, callback) => {
            mock.keep(request);
            return register(request, callback);
        };
        const registerOutputs = monitor.registerResourceOutputs.bind(monitor);
        monitor.registerResourceOutputs = (request: RegisterResourceOutputsRequest, callback) => {
            mock.outputs[shortName(request.getUrn())] = plainObject(request.getOutputs());
            registerOutputs(request, callback);
        };
        return mock;
    }

    /** Runs a program and waits until everything that it registers has been answered. */
    static async run<T>(
        options: Options,
        program: () => T,
    ): Promise<{ mock: RecordingMock; result: T }> {
        const mock = await RecordingMock.start(options);
        const result = program();
        await pulumi.runtime.disconnect();
        const names = mock.resources.map(({ type, name }) => `${type}::${name}`);
        assert.deepEqual(names, [...new Set(names)], "two resources have one URN");
        return { mock, result };
    }

    /** The one resource of that type and name. */
    resource(type: string, name: string): RecordedResource {
        const found = this.resources.find((other) => other.type === type && other.name === name);
        assert.ok(
            found,
            `no ${type} ${name} among ${this.resources.map((r) => `${r.type} ${r.name}`).join(", ")}`,
        );
        return found;
    }

    private keep(request: RegisterResourceRequest): void {
        const object = plainObject(request.getObject());
        this.resources.push({
            type: request.getType(),
            name: request.getName(),
            custom: request.getCustom(),
            inputs: unwrapSecrets(object) as Record<string, unknown>,
            sent: object,
            secretInputs: Object.keys(object).filter((key) => isSecretValue(object[key])),
            parent: request.getParent() === "" ? undefined : shortName(request.getParent()),
            dependsOn: [...new Set(request.getDependenciesList().map(shortName))].sort(),
            protect: request.getProtect() ?? false,
            retainOnDelete: request.getRetainondelete() ?? false,
            ignoreChanges: request.getIgnorechangesList(),
            deleteBeforeReplace: request.getDeletebeforereplace(),
            aliasWithoutParent: request
                .getAliasesList()
                .some((alias) => alias.getSpec()?.getNoparent() ?? false),
            provider: request.getProvider() === "" ? undefined : shortName(request.getProvider()),
        });
    }

    private create(args: MockResourceArgs): {
        id: string | undefined;
        state: Record<string, unknown>;
    } {
        const inputs = args.inputs as Record<string, unknown>;
        // What a provider computes is unknown until it has been asked to create.
        if (this.options.preview || !args.custom) return { id: undefined, state: inputs };
        const { id, outputs } = computedOutputs(
            args.type,
            args.name,
            inputs,
            this.resources.length,
        );
        return { id, state: { ...inputs, ...outputs } };
    }

    private call(args: MockCallArgs): Record<string, unknown> {
        this.calls.push(args);
        if (this.options.tokenUnknown && args.token.startsWith("cloudflare:")) return {};
        const inputs = args.inputs as Record<string, unknown> & {
            filter?: { name: string };
            zoneId?: string;
        };
        switch (args.token) {
            case "hcloud:index/getServers:getServers":
                return { id: "servers", servers: this.options.runningServers ?? [] };
            case "cloudflare:index/getZone:getZone": {
                const name = inputs.filter?.name ?? "";
                const zone = this.zone(name);
                if (!zone) throw refusal("failed to find exactly one result: 0 found");
                const nameServers = ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"];
                return {
                    ...inputs,
                    zoneId: zoneIdOf(name),
                    status: zone.status ?? "active",
                    nameServers,
                };
            }
            case "cloudflare:index/getDnsRecords:getDnsRecords": {
                const name = inputs.zoneId?.replace(zoneIdOf(""), "") ?? "";
                return { ...inputs, results: this.zone(name)?.records ?? [] };
            }
            case "docker:index/getRegistryImage:getRegistryImage":
                return { ...inputs, sha256Digest: registryDigest };
            default:
                throw new Error(`no provider has the function ${args.token}`);
        }
    }

    private zone(name: string): HeldZone | undefined {
        const { zones } = this.options;
        return zones && name in zones ? zones[name] : {};
    }
}

/** The digest that every registry has for every image. */
export const registryDigest = `sha256:${"fedcba9876543210".repeat(4)}`;

/** An error as the engine passes on what a provider says. */
function refusal(details: string): Error {
    return Object.assign(new Error(details), { details });
}

/** The id that the mock gives to a zone. */
export function zoneIdOf(zone: string): string {
    return `zone-of-${zone}`;
}

/** The value of an output; fails when it is not known, or not settled within a minute. */
export async function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
    // Pulumi declares neither in its types: `apply` alone says nothing of an output that is not known.
    const { isKnown } = output as unknown as { isKnown: Promise<boolean> };
    const settled = isKnown.then((known) => {
        if (!known) throw new Error("the output is unknown");
        return (output as unknown as { promise(): Promise<T> }).promise();
    });
    const done = new AbortController();
    const tooLate = setTimeout(60_000, undefined, done).then(() => {
        throw new Error("the output is not settled after a minute");
    });
    return Promise.race([settled, tooLate]).finally(() => done.abort());
}

/**
 * The errors with which a program ends, as the engine reports them: rejected outputs are nobody's to catch, so they
 * reach the process. The test runner would take them for its own.
 */
export async function unhandledErrors(program: () => Promise<unknown>): Promise<unknown[]> {
    const errors = new Set<unknown>();
    const others = process.listeners("unhandledRejection");
    const first = new AbortController();
    const collect = (error: unknown) => {
        errors.add(error);
        first.abort();
    };
    process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", collect);
    try {
        // A program that failed may never come to its end.
        const noError = setTimeout(60_000, undefined, first).catch(() => undefined);
        await Promise.race([program().catch(collect), noError]);
        first.abort();
        await setTimeout(200);
        return [...errors];
    } finally {
        process.removeAllListeners("unhandledRejection");
        for (const other of others) process.on("unhandledRejection", other);
    }
}
