/** HTTP status of each error code of the API. Source: docs.hetzner.cloud, "Errors". */
const statusOf = {
    json_error: 400,
    unauthorized: 401,
    forbidden: 403,
    not_found: 404,
    method_not_allowed: 405,
    conflict: 409,
    uniqueness_error: 409,
    resource_unavailable: 412,
    firewall_already_applied: 422,
    firewall_resource_not_found: 422,
    invalid_input: 422,
    invalid_server_type: 422,
    primary_ip_already_assigned: 422,
    primary_ip_version_mismatch: 422,
    resource_in_use: 422,
    server_has_ipv4: 422,
    server_has_ipv6: 422,
    server_not_stopped: 422,
    unsupported_error: 422,
    volume_already_attached: 422,
    locked: 423,
    protected: 423,
    server_error: 500,
} as const;

export type ErrorCode = keyof typeof statusOf;

/** A field of a request that is wrong, as `details.fields` of an `invalid_input` error holds it. */
export interface InvalidField {
    name: string;
    messages: string[];
}

/** An answer other than success, in the envelope of the API. */
export class ApiError extends Error {
    readonly status: number;

    constructor(
        readonly code: ErrorCode,
        message: string,
        readonly fields?: InvalidField[],
    ) {
        super(message);
        this.status = statusOf[code];
    }

    get body(): { error: { code: string; message: string; details: unknown } } {
        const details = this.code === "invalid_input" ? { fields: this.fields ?? [] } : null;
        return { error: { code: this.code, message: this.message, details } };
    }
}

/** `invalid_input` for one field. */
export function invalidField(name: string, message: string): ApiError {
    return new ApiError("invalid_input", `invalid input in field '${name}': ${message}`, [
        { name, messages: [message] },
    ]);
}

export function notFound(kind: string, id: number | string): ApiError {
    return new ApiError("not_found", `${kind} with ID '${id}' not found`);
}

/** What the real API can do and the laptop cloud can't; the message says what. */
export function unsupported(what: string): ApiError {
    return new ApiError("unsupported_error", `the laptop cloud does not simulate ${what}`);
}
