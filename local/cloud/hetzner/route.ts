import * as z from "zod";
import type { ApiReply, ApiRequest } from "../api/listener";
import { ApiError, invalidField, notFound } from "./api-error";
import { checkLabels, labelSelector, type Labels } from "./labels";

/** The number in the path. */
export function idParameter(request: ApiRequest, kind: string): number {
    const id = Number(request.parameters["id"]);
    if (!Number.isSafeInteger(id)) throw notFound(kind, request.parameters["id"] ?? "");
    return id;
}

/**
 * The body as the schema reads it.
 *
 * @throws ApiError `invalid_input` with every field that is wrong.
 */
export function parseBody<T extends z.ZodType>(schema: T, request: ApiRequest): z.output<T> {
    const result = schema.safeParse(request.body ?? {});
    if (result.success) return result.data;
    const messages = new Map<string, string[]>();
    for (const issue of result.error.issues) {
        const field = issue.path.map(String).join(".") || "body";
        messages.set(field, [...(messages.get(field) ?? []), issue.message]);
    }
    const fields = [...messages].map(([name, list]) => ({ name, messages: list }));
    const names = fields.map((field) => `'${field.name}'`).join(", ");
    throw new ApiError("invalid_input", `invalid input in field ${names}`, fields);
}

export const labelsField = z
    .record(z.string(), z.string())
    .optional()
    .transform((labels): Labels | undefined => {
        if (labels) checkLabels(labels);
        return labels;
    });

export const nameField = z.string().min(1, "missing data for required field").max(255);

/** By name or by number. */
export const locationField = z.union([z.string().min(1), z.int()]);

const removedAttribute =
    "the datacenter property was removed, use location instead: https://docs.hetzner.cloud/changelog#2026-07-01-removing-datacenters";

/** Refuses the property that the API took until July 2026. */
export const noDatacenter = z.undefined({ error: removedAttribute }).optional();

/** What every PUT takes. */
export const updateBody = z.object({ name: nameField.optional(), labels: labelsField });

interface Listed {
    name?: string | null;
    labels?: Labels;
}

/** Filters by `name` and `label_selector`. */
export function filterListed<T extends Listed>(request: ApiRequest, items: readonly T[]): T[] {
    const name = request.query.get("name");
    const selector = request.query.get("label_selector");
    const selected = selector ? labelSelector(selector) : () => true;
    return items.filter(
        (item) => (name === null || item.name === name) && selected(item.labels ?? {}),
    );
}

/** One page of a list with the API's `meta`. */
export function pageOf(request: ApiRequest, key: string, items: readonly object[]): ApiReply {
    const page = positive(request, "page", 1);
    const perPage = Math.min(positive(request, "per_page", 25), 50);
    const lastPage = Math.max(1, Math.ceil(items.length / perPage));
    return {
        body: {
            [key]: items.slice((page - 1) * perPage, page * perPage),
            meta: {
                pagination: {
                    page,
                    per_page: perPage,
                    previous_page: page > 1 ? page - 1 : null,
                    next_page: page < lastPage ? page + 1 : null,
                    last_page: lastPage,
                    total_entries: items.length,
                },
            },
        },
    };
}

function positive(request: ApiRequest, name: string, fallback: number): number {
    const text = request.query.get(name);
    if (text === null) return fallback;
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1) throw invalidField(name, "must be at least 1");
    return value;
}
