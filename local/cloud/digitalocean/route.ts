import * as z from "zod";
import type { ApiReply, ApiRequest } from "../api/listener";
import { notFound, unprocessable } from "./api-error";

/** The number in the path. */
export function numberParameter(request: ApiRequest, name = "id"): number {
    const id = Number(request.parameters[name]);
    if (!Number.isSafeInteger(id)) throw notFound();
    return id;
}

/** The UUID, or whatever stands in its place, in the path. */
export function textParameter(request: ApiRequest, name = "id"): string {
    return decodeURIComponent(request.parameters[name] ?? "");
}

/**
 * The body as the schema reads it.
 *
 * @throws ApiError `unprocessable_entity` with every field that is wrong.
 */
export function parseBody<T extends z.ZodType>(schema: T, request: ApiRequest): z.output<T> {
    const result = schema.safeParse(request.body ?? {});
    if (result.success) return result.data;
    const wrong = result.error.issues.map((issue) => {
        const field = issue.path.map(String).join(".");
        return field === "" ? issue.message : `${field}: ${issue.message}`;
    });
    throw unprocessable(wrong.join("; "));
}

/** What a Droplet may be called. */
export const hostNameField = z
    .string()
    .regex(
        /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,253}[a-zA-Z0-9])?$/,
        "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)",
    );

export const tagsField = z
    .array(z.string().regex(/^[\w:-]{1,255}$/, "letters, digits, colons, dashes and underscores"))
    .nullish()
    .transform((tags) => tags ?? []);

/** One page of a list with the API's `links` and `meta`. */
export function pageOf(request: ApiRequest, key: string, items: readonly object[]): ApiReply {
    const page = positive(request, "page", 1);
    const perPage = Math.min(positive(request, "per_page", 20), 200);
    const last = Math.max(1, Math.ceil(items.length / perPage));
    const linkTo = (number: number): string => {
        const query = new URLSearchParams(request.query);
        query.set("page", String(number));
        query.set("per_page", String(perPage));
        return `${request.address}?${query.toString()}`;
    };
    const pages = {
        ...(page > 1 && { first: linkTo(1), prev: linkTo(page - 1) }),
        ...(page < last && { next: linkTo(page + 1), last: linkTo(last) }),
    };
    return {
        body: {
            [key]: items.slice((page - 1) * perPage, page * perPage),
            links: Object.keys(pages).length > 0 ? { pages } : {},
            meta: { total: items.length },
        },
    };
}

function positive(request: ApiRequest, name: string, fallback: number): number {
    const text = request.query.get(name);
    if (text === null) return fallback;
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1) throw unprocessable(`${name} must be at least 1`);
    return value;
}
