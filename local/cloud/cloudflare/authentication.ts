import type { IncomingMessage } from "node:http";
import { hasToken } from "../api/listener";
import { ApiError, invalidBody } from "./api-error";

/**
 * Refuses what does not carry the token. Codes and messages as clients' issues quote them, except for 1000 and 9106.
 *
 * @throws ApiError
 */
export function admit(request: IncomingMessage, token: string): void {
    const { authorization, "content-type": contentType = "" } = request.headers;
    if (authorization === undefined) {
        throw new ApiError(400, {
            code: 9106,
            message: "Missing X-Auth-Key, X-Auth-Email or Authorization headers",
        });
    }
    if (!/^Bearer [A-Za-z0-9_-]{40,80}$/.test(authorization)) {
        throw new ApiError(400, {
            code: 6003,
            message: "Invalid request headers",
            error_chain: [{ code: 6111, message: "Invalid format for Authorization header" }],
        });
    }
    if (!hasToken(request, token)) {
        throw request.url?.endsWith("/user/tokens/verify")
            ? new ApiError(401, { code: 1000, message: "Invalid API Token" })
            : new ApiError(403, { code: 9109, message: "Invalid access token" });
    }
    const writes = request.method !== "GET" && request.method !== "DELETE";
    if (writes && !/^application\/json\b/.test(contentType)) {
        throw invalidBody("Content-type must be application/json.");
    }
}
