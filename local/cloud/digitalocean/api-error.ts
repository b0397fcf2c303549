/** HTTP status of each error id of the API. Source: docs.digitalocean.com, API reference, "HTTP Statuses". */
const statusOf = {
    bad_request: 400,
    Unauthorized: 401,
    not_found: 404,
    method_not_allowed: 405,
    conflict: 409,
    precondition_failed: 412,
    unprocessable_entity: 422,
    server_error: 500,
} as const;

export type ErrorId = keyof typeof statusOf;

/** An answer other than success, in the form of the API. */
export class ApiError extends Error {
    readonly status: number;

    constructor(
        readonly id: ErrorId,
        message: string,
    ) {
        super(message);
        this.status = statusOf[id];
    }

    get body(): { id: string; message: string } {
        return { id: this.id, message: this.message };
    }
}

export function unprocessable(message: string): ApiError {
    return new ApiError("unprocessable_entity", message);
}

/** The API says the same of every kind of object. */
export function notFound(): ApiError {
    return new ApiError("not_found", "The resource you requested could not be found.");
}

/** What the real API can do and the laptop cloud can't; the message says what. */
export function unsupported(what: string): ApiError {
    return unprocessable(`the laptop cloud does not simulate ${what}`);
}
