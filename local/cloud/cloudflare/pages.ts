import type { ApiReply } from "../api/listener";
import { success } from "./api-error";

/** One page of a list; past the end it is empty. */
export function pageOf(
    query: URLSearchParams,
    items: readonly object[],
    size: { usual: number; largest: number },
): ApiReply {
    const page = numberIn(query, "page") ?? 1;
    const perPage = Math.min(numberIn(query, "per_page") ?? size.usual, size.largest);
    const result = items.slice((page - 1) * perPage, page * perPage);
    return success(result, {
        result_info: {
            page,
            per_page: perPage,
            count: result.length,
            total_count: items.length,
            total_pages: Math.max(1, Math.ceil(items.length / perPage)),
        },
    });
}

function numberIn(query: URLSearchParams, name: string): number | undefined {
    const value = Number(query.get(name) ?? NaN);
    return Number.isInteger(value) && value >= 1 ? value : undefined;
}
