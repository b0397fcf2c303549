import type { ApiErrors, ApiReply } from "../api/listener";

export interface CloudflareError {
    code: number;
    message: string;
    error_chain?: CloudflareError[];
}

/** An answer other than success, in the envelope of the API. */
export class ApiError extends Error {
    readonly errors: readonly CloudflareError[];

    constructor(
        readonly status: number,
        ...errors: CloudflareError[]
    ) {
        super(errors.map(({ code, message }) => `${message} (${code})`).join(", "));
        this.errors = errors;
    }
}

/** What the real API can do and the laptop cloud can't; the message says what. The code is none of the real one's. */
export function unsupported(what: string): ApiError {
    return new ApiError(400, {
        code: 99999,
        message: `The laptop cloud does not simulate ${what}.`,
    });
}

/**
 * For an identifier in a path that is malformed or of nothing that there is.
 * Code and message as clients' issues quote them; that a well-formed zone id gets the same answer is not verified.
 */
export function noSuchObject(path: string): ApiError {
    return new ApiError(404, {
        code: 7003,
        message: `Could not route to ${path}, perhaps your object identifier is invalid?`,
    });
}

/** Code and message as clients' issues quote them. */
export function invalidBody(reason: string): ApiError {
    return new ApiError(400, { code: 9207, message: reason });
}

/** What a request is refused for before anything looks at what it asks for. */
export const errors: ApiErrors = {
    noRoute: noSuchObject,
    wrongMethod: (method) =>
        new ApiError(405, {
            code: 10000,
            message: `${method} method not allowed for the api_token authentication scheme`,
        }),
    badBody: (reason) => invalidBody(`Request body is invalid: ${reason}.`),
    fault: (status) =>
        failure(status, [
            { code: status === 429 ? 971 : 10001, message: "A fault that was asked for." },
        ]),
    reply: (error) => {
        if (error instanceof ApiError) return failure(error.status, error.errors);
        const message = error instanceof Error ? error.message : String(error);
        return failure(500, [{ code: 10001, message }]);
    },
};

function failure(status: number, list: readonly CloudflareError[]): ApiReply {
    return { status, body: { result: null, success: false, errors: list, messages: [] } };
}

/** An answer of success. */
export function success(
    result: unknown,
    more: { result_info?: object; messages?: object[] } = {},
): ApiReply {
    return { body: { result, success: true, errors: [], messages: [], ...more } };
}
