import * as fs from "node:fs";
import { z } from "zod";

/** Where the comments of the pull or merge request of this run are. */
interface Conversation {
    comments: string;
    /** URL of one of them, by its id. */
    comment: (id: number) => string;
    /** Method that replaces one. */
    replace: "PATCH" | "PUT";
    headers: Record<string, string>;
}

const commentList = z.array(z.object({ id: z.number(), body: z.string().nullable() }));

/**
 * Writes a comment under the request that this run belongs to, or replaces the one of an earlier run.
 *
 * @param marker the line by which that one is found.
 * @param environment of a run of GitHub Actions (with GITHUB_TOKEN) or of GitLab CI (with MAILHOST_GITLAB_TOKEN).
 * @throws Error when the run belongs to no request, or what the service answered.
 */
export async function postComment(
    text: string,
    marker: string,
    environment: NodeJS.ProcessEnv,
): Promise<void> {
    const { comments, comment, replace, headers } = conversation(environment);
    for (let page = 1; ; page++) {
        const url = `${comments}?per_page=100&page=${page}`;
        const found = commentList.parse(await send("GET", url, headers));
        const ours = found.find(({ body }) => body?.startsWith(marker));
        if (ours) return void (await send(replace, comment(ours.id), headers, text));
        if (found.length < 100) break;
    }
    await send("POST", comments, headers, text);
}

function conversation(environment: NodeJS.ProcessEnv): Conversation {
    const given = (name: string): string => {
        const value = environment[name];
        if (value) return value;
        throw new Error(`${name} is not set: this run belongs to no pull or merge request.`);
    };
    if (environment["GITLAB_CI"]) {
        const project = `${given("CI_API_V4_URL")}/projects/${given("CI_PROJECT_ID")}`;
        const comments = `${project}/merge_requests/${given("CI_MERGE_REQUEST_IID")}/notes`;
        const headers = { "private-token": given("MAILHOST_GITLAB_TOKEN") };
        return { comments, comment: (id) => `${comments}/${id}`, replace: "PUT", headers };
    }
    const event = z
        .object({ pull_request: z.object({ number: z.number() }) })
        .safeParse(JSON.parse(fs.readFileSync(given("GITHUB_EVENT_PATH"), "utf8")));
    if (!event.success) throw new Error("The event of this run is no pull request.");
    const issues = `${given("GITHUB_API_URL")}/repos/${given("GITHUB_REPOSITORY")}/issues`;
    return {
        comments: `${issues}/${event.data.pull_request.number}/comments`,
        comment: (id) => `${issues}/comments/${id}`,
        replace: "PATCH",
        headers: { authorization: `Bearer ${given("GITHUB_TOKEN")}` },
    };
}

async function send(
    method: string,
    url: string,
    headers: Record<string, string>,
    body?: string,
): Promise<unknown> {
    const response = await fetch(url, {
        method,
        headers: { ...headers, "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify({ body }) }),
        signal: AbortSignal.timeout(30_000),
    });
    if (response.ok) return response.json();
    const path = new URL(url).pathname;
    throw new Error(
        `${method} ${path} was answered with ${response.status}. May this token write comments?`,
    );
}
