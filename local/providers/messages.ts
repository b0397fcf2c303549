import * as grpc from "@grpc/grpc-js";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import * as pb from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import type { Difference } from "./diff";
import { InitializationFailure, type Outputs, type ResourceHandler } from "./handler";
import { withoutSecrets, withSecrets, type CheckFailure, type Properties } from "./schema";

export type Unary<Q, R> = (call: grpc.ServerUnaryCall<Q, R>, done: grpc.sendUnaryData<R>) => void;

/** A method that answers once. Errors leave as their message alone: a stack helps nobody, and its frames may show values. */
export function unary<Q, R>(handle: (request: Q) => R | Promise<R>): Unary<Q, R> {
    return (call, done) => {
        void (async () => handle(call.request))().then(
            (response) => done(null, response),
            (error: unknown) => done(status(error)),
        );
    };
}

function status(error: unknown): Partial<grpc.StatusObject> {
    const message = error instanceof Error ? error.message : String(error);
    if (!(error instanceof EncodedFailure)) return { code: grpc.status.UNKNOWN, details: message };
    const detail = new Any();
    detail.pack(error.failed.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
    const whole = new Status();
    whole.setCode(grpc.status.UNKNOWN);
    whole.setMessage(message);
    whole.addDetails(detail);
    // Where gRPC carries the details of an error; the Go side reads them, the Node library has no call for it.
    const metadata = new grpc.Metadata();
    metadata.add("grpc-status-details-bin", Buffer.from(whole.serializeBinary()));
    return { code: grpc.status.UNKNOWN, details: message, metadata };
}

class EncodedFailure extends Error {
    constructor(
        message: string,
        readonly failed: pb.ErrorResourceInitFailed,
    ) {
        super(message);
    }
}

/** Runs a handler, and packs what it says of a resource that exists but isn't ready. */
export async function withState<T>(handler: ResourceHandler, run: () => T): Promise<Awaited<T>> {
    try {
        return await run();
    } catch (error) {
        if (!(error instanceof InitializationFailure)) throw error;
        const failed = new pb.ErrorResourceInitFailed();
        failed.setId(error.id);
        failed.setProperties(encode(handler, error.outputs));
        failed.setReasonsList([error.message]);
        throw new EncodedFailure(error.message, failed);
    }
}

export function checkResponse(inputs: Properties, failures: CheckFailure[]): pb.CheckResponse {
    const response = new pb.CheckResponse();
    response.setInputs(toStruct(inputs));
    response.setFailuresList(failures.map(failure));
    return response;
}

export function failure({ path, reason }: CheckFailure): pb.CheckFailure {
    const failure = new pb.CheckFailure();
    failure.setProperty(path);
    failure.setReason(reason);
    return failure;
}

export function diffResponse(
    differences: Difference[],
    deleteBeforeReplace: boolean,
): pb.DiffResponse {
    const response = new pb.DiffResponse();
    const { DIFF_NONE, DIFF_SOME } = pb.DiffResponse.DiffChanges;
    response.setChanges(differences.length === 0 ? DIFF_NONE : DIFF_SOME);
    const top = (path: string) => path.split(/[.[]/)[0]!;
    response.setDiffsList([...new Set(differences.map((d) => top(d.path)))]);
    response.setReplacesList([
        ...new Set(differences.filter((d) => d.replaces).map((d) => top(d.path))),
    ]);
    response.setDeletebeforereplace(deleteBeforeReplace);
    response.setHasdetaileddiff(true);
    const { Kind } = pb.PropertyDiff;
    const kinds = {
        add: [Kind.ADD, Kind.ADD_REPLACE],
        delete: [Kind.DELETE, Kind.DELETE_REPLACE],
        update: [Kind.UPDATE, Kind.UPDATE_REPLACE],
    } as const;
    for (const { path, kind, replaces } of differences) {
        const detail = new pb.PropertyDiff();
        detail.setKind(kinds[kind][replaces ? 1 : 0]);
        detail.setInputdiff(true);
        response.getDetaileddiffMap().set(path, detail);
    }
    return response;
}

export function decode(struct: Struct | undefined): Properties {
    return withoutSecrets(struct?.toJavaScript() ?? {});
}

export function encode(handler: ResourceHandler, outputs: Outputs): Struct {
    return toStruct(withSecrets({ ...handler.inputs, ...handler.outputs }, defined(outputs)));
}

export function defined(outputs: Outputs): Properties {
    return JSON.parse(JSON.stringify(outputs)) as Properties;
}

export function toStruct(properties: Properties): Struct {
    return Struct.fromJavaScript(properties);
}
