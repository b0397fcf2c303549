import * as grpc from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as pb from "@pulumi/pulumi/proto/provider_pb";
import { diffProperties } from "./diff";
import type { Change, Context, Provider, ResourceHandler } from "./handler";
import {
    checkResponse,
    decode,
    defined,
    diffResponse,
    encode,
    failure,
    toStruct,
    unary,
    withState,
    type Unary,
} from "./messages";
import { packageSchema } from "./package-schema";
import {
    checkProperties,
    unknownValue,
    withSecrets,
    type Properties,
    type PropertyTable,
    type PropertyValue,
} from "./schema";

export * from "./handler";

/** Serves a provider to the engine that started this process; ends when the engine does. */
export function serveProvider(provider: Provider, argv: readonly string[]): void {
    const engineAddress = argv.find((argument) => !argument.startsWith("-"));
    const server = new grpc.Server({
        "grpc.max_receive_message_length": -1,
        "grpc.max_send_message_length": -1,
    });
    server.addService(ResourceProviderService, service(provider, engineAddress));
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
        if (error) {
            process.stderr.write(`${provider.name} provider: ${error.message}\n`);
            process.exit(1);
        }
        process.stdout.write(`${port}\n`);
    });
    // The engine holds the other end of our standard input: its end is the engine's, also after kill -9.
    process.stdin.on("end", () => process.exit(0)).on("error", () => process.exit(0));
    process.stdin.resume();
    process.on("SIGINT", () => process.exit(0)).on("SIGTERM", () => process.exit(0));
    // The engine shows what a plugin writes: the message alone here too.
    process.on("uncaughtException", (error) => {
        process.stderr.write(`${provider.name} provider: ${error.message}\n`);
        process.exit(1);
    });
}

/** The methods of the provider protocol; apart from {@link serveProvider} for tests. */
export function service(
    provider: Provider,
    engineAddress: string | undefined,
): grpc.UntypedServiceImplementation {
    const cancellation = new AbortController();
    let config: Properties = {};
    let engine: EngineClient | undefined;

    function log(
        severity: keyof typeof severities,
        message: string,
        urn: string,
        fleeting = false,
    ) {
        if (engineAddress === undefined) return;
        engine ??= new EngineClient(engineAddress, grpc.credentials.createInsecure(), {
            "grpc.max_send_message_length": -1,
        });
        const request = new LogRequest();
        request.setSeverity(severities[severity]);
        request.setMessage(message);
        request.setUrn(urn);
        request.setEphemeral(fleeting);
        // A lost line of the log is no reason to fail the resource.
        engine.log(request, () => undefined);
    }

    const context = (urn: string, timeoutSeconds = 0): Context => ({
        config,
        urn,
        name: urn.split("::").slice(3).join("::"),
        log: (severity, message) => log(severity, message, urn),
        status: (message) => log("info", message, urn, true),
        signal:
            timeoutSeconds > 0
                ? AbortSignal.any([cancellation.signal, AbortSignal.timeout(timeoutSeconds * 1000)])
                : cancellation.signal,
    });

    function handlerOf(urn: string): ResourceHandler {
        const token = typeOf(urn);
        const handler = Object.hasOwn(provider.resources, token)
            ? provider.resources[token]
            : undefined;
        if (handler === undefined) {
            const known = Object.keys(provider.resources).join(", ");
            throw new Error(
                `The simulated ${provider.name} provider has no resource ${token}; it has ${known || "functions alone"}.`,
            );
        }
        return handler;
    }

    const check: Unary<pb.CheckRequest, pb.CheckResponse> = unary((request) => {
        const urn = request.getUrn();
        const handler = handlerOf(urn);
        const checked = checkProperties(handler.inputs, decode(request.getNews()));
        for (const { path, message } of checked.warnings) {
            log("warning", `property "${path}" is deprecated: ${message}`, urn);
        }
        let { values, failures } = checked;
        if (handler.check && failures.length === 0) {
            const olds = request.hasOlds() ? decode(request.getOlds()) : undefined;
            const own = handler.check(values, olds, context(urn));
            values = own.inputs ?? values;
            failures = own.failures ?? [];
        }
        return checkResponse(withSecrets(handler.inputs, values), failures);
    });

    const diff: Unary<pb.DiffRequest, pb.DiffResponse> = unary((request) => {
        const handler = handlerOf(request.getUrn());
        const change: Change = {
            id: request.getId(),
            state: decode(request.getOlds()),
            olds: decode(request.getOldInputs()),
            news: decode(request.getNews()),
        };
        const ignored = request.getIgnorechangesList();
        const { olds, news } = handler.compared?.(change) ?? change;
        const byTable = diffProperties(handler.inputs, olds, news, ignored);
        const own = handler.diff?.(byTable, change);
        const differences = own?.differences ?? byTable;
        return diffResponse(
            handler.update ? differences : differences.map((d) => ({ ...d, replaces: true })),
            own?.deleteBeforeReplace ?? false,
        );
    });

    const create: Unary<pb.CreateRequest, pb.CreateResponse> = unary(async (request) => {
        const urn = request.getUrn();
        const handler = handlerOf(urn);
        const inputs = decode(request.getProperties());
        const response = new pb.CreateResponse();
        if (request.getPreview()) {
            response.setProperties(encode(handler, previewOf(handler, inputs)));
            return response;
        }
        const made = await withState(handler, () =>
            handler.create(inputs, context(urn, request.getTimeout())),
        );
        response.setId(made.id);
        response.setProperties(encode(handler, made.outputs));
        return response;
    });

    const update: Unary<pb.UpdateRequest, pb.UpdateResponse> = unary(async (request) => {
        const urn = request.getUrn();
        const handler = handlerOf(urn);
        const news = decode(request.getNews());
        const old = {
            id: request.getId(),
            inputs: decode(request.getOldInputs()),
            outputs: decode(request.getOlds()),
        };
        const response = new pb.UpdateResponse();
        if (request.getPreview()) {
            response.setProperties(encode(handler, previewOf(handler, news, old.outputs)));
            return response;
        }
        const updated = await withState(handler, () =>
            handler.update?.(old, news, context(urn, request.getTimeout())),
        );
        if (!updated) throw new Error(`${typeOf(urn)} can't be updated, only replaced.`);
        response.setProperties(encode(handler, updated.outputs));
        return response;
    });

    const read: Unary<pb.ReadRequest, pb.ReadResponse> = unary(async (request) => {
        const urn = request.getUrn();
        const handler = handlerOf(urn);
        const id = request.getId();
        const outputs = decode(request.getProperties());
        const inputs = decode(request.getInputs());
        const imported = Object.keys(outputs).length === 0 && Object.keys(inputs).length === 0;
        const response = new pb.ReadResponse();
        if (!handler.read) {
            if (imported) throw new Error(`${typeOf(urn)} can't be imported.`);
            response.setId(id);
            response.setProperties(encode(handler, outputs));
            response.setInputs(encode(handler, inputs));
            return response;
        }
        const known = imported ? undefined : { id, inputs, outputs };
        const found = await withState(handler, () => handler.read?.(id, known, context(urn)));
        if (found === undefined) return response;
        response.setId(found.id);
        response.setProperties(encode(handler, found.outputs));
        response.setInputs(encode(handler, found.inputs));
        return response;
    });

    const remove: Unary<pb.DeleteRequest, Empty> = unary(async (request) => {
        const urn = request.getUrn();
        const old = {
            id: request.getId(),
            inputs: decode(request.getOldInputs()),
            outputs: decode(request.getProperties()),
        };
        await handlerOf(urn).delete?.(old, context(urn, request.getTimeout()));
        return new Empty();
    });

    const invoke: Unary<pb.InvokeRequest, pb.InvokeResponse> = unary(async (request) => {
        const token = request.getTok();
        const handler = Object.hasOwn(provider.functions, token)
            ? provider.functions[token]
            : undefined;
        if (!handler) {
            throw new Error(`The simulated ${provider.name} provider has no function ${token}.`);
        }
        const { values, failures } = checkProperties(handler.inputs, decode(request.getArgs()));
        const response = new pb.InvokeResponse();
        response.setFailuresList(failures.map(failure));
        if (failures.length === 0) {
            const result = await handler.invoke(values, context(""));
            response.setReturn(toStruct(withSecrets(handler.outputs, defined(result))));
        }
        return response;
    });

    const checkConfig: Unary<pb.CheckRequest, pb.CheckResponse> = unary((request) => {
        const given = configValues(provider.config, decode(request.getNews()));
        const { failures } = checkProperties(provider.config, given);
        if (failures.length === 0) {
            const known = Object.entries(given).filter(([, value]) => value !== unknownValue);
            failures.push(...(provider.checkConfig?.(Object.fromEntries(known)) ?? []));
        }
        // The inputs go back as they came: the engine keeps them as the provider resource's, secrets included.
        const response = new pb.CheckResponse();
        response.setInputs(request.getNews());
        response.setFailuresList(failures.map(failure));
        return response;
    });

    const configure: Unary<pb.ConfigureRequest, pb.ConfigureResponse> = unary(async (request) => {
        const given = configValues(provider.config, decode(request.getArgs()));
        const { values, failures } = checkProperties(provider.config, given);
        failures.push(...(failures.length === 0 ? (provider.checkConfig?.(values) ?? []) : []));
        if (failures.length > 0) {
            const lines = failures.map((f) => `${provider.name}:${f.path}: ${f.reason}`);
            throw new Error(lines.join("\n"));
        }
        await provider.configure?.(values);
        config = values;
        const response = new pb.ConfigureResponse();
        response.setSupportspreview(true);
        // Without acceptSecrets the engine sends plain values and marks again what was secret among the same keys,
        // in inputs and outputs alike: exactly what is wanted, and nothing to forget here.
        return response;
    });

    return {
        check,
        diff,
        create,
        update,
        read,
        delete: remove,
        invoke,
        checkConfig,
        configure,
        diffConfig: unary<pb.DiffRequest, pb.DiffResponse>((request) =>
            diffResponse(
                diffProperties(
                    provider.config,
                    configValues(provider.config, decode(request.getOldInputs())),
                    configValues(provider.config, decode(request.getNews())),
                ),
                false,
            ),
        ),
        getSchema: unary<pb.GetSchemaRequest, pb.GetSchemaResponse>(() => {
            const response = new pb.GetSchemaResponse();
            response.setSchema(JSON.stringify(packageSchema(provider)));
            return response;
        }),
        getPluginInfo: unary<Empty, PluginInfo>(() => {
            const info = new PluginInfo();
            info.setVersion(provider.version);
            return info;
        }),
        cancel: unary<Empty, Empty>(() => {
            cancellation.abort();
            return new Empty();
        }),
    };
}

const severities = {
    debug: LogSeverity.DEBUG,
    info: LogSeverity.INFO,
    warning: LogSeverity.WARNING,
    error: LogSeverity.ERROR,
};

/** A URN's type stands behind those of its parents. */
function typeOf(urn: string): string {
    return urn.split("::")[2]?.split("$").pop() ?? "";
}

/** What a preview shows: the inputs, and of the outputs those that an update leaves alone. */
function previewOf(handler: ResourceHandler, inputs: Properties, old: Properties = {}): Properties {
    const shown: Properties = {};
    for (const [name, property] of Object.entries(handler.outputs)) {
        shown[name] = (property.changesOnUpdate ? undefined : old[name]) ?? unknownValue;
    }
    return { ...shown, ...inputs };
}

/** The SDK sends configuration that is no string as JSON, and adds keys of its own. */
function configValues(table: PropertyTable, given: Properties): Properties {
    const values: Properties = {};
    for (const [name, value] of Object.entries(given)) {
        if (["version", "pluginDownloadURL", "__internal"].includes(name)) continue;
        const property = Object.hasOwn(table, name) ? table[name] : undefined;
        const isJson =
            property &&
            property.type !== "string" &&
            typeof value === "string" &&
            value !== unknownValue;
        values[name] = isJson ? parsed(value) : value;
    }
    return values;
}

function parsed(json: string): PropertyValue {
    try {
        return JSON.parse(json) as PropertyValue;
    } catch {
        return json;
    }
}
