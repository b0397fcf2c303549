import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, it } from "node:test";
import { postComment } from "../../../pipeline/post-comment";

const marker = "<!-- pulumi-mailhost preview prod -->";
let server: http.Server;
let base: string;
let folder: string;
let existing: { id: number; body: string }[] = [];
let status = 200;
let requests: string[] = [];

before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-comment-"));
    server = http.createServer((request, response) => {
        let body = "";
        request.on("data", (text: Buffer) => (body += text.toString()));
        request.on("end", () => {
            const { authorization, "private-token": token } = request.headers;
            requests.push(
                `${request.method} ${request.url} ${authorization ?? String(token)} ${body}`.trim(),
            );
            const page = Number(new URL(request.url!, base).searchParams.get("page"));
            const listed = existing.slice((page - 1) * 100, page * 100);
            response.writeHead(status).end(JSON.stringify(request.method === "GET" ? listed : {}));
        });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    fs.writeFileSync(path.join(folder, "event.json"), '{"pull_request":{"number":7}}');
    fs.writeFileSync(path.join(folder, "push.json"), "{}");
});
after(() => {
    server.close();
    fs.rmSync(folder, { recursive: true });
});

const github = () => ({
    GITHUB_API_URL: base,
    GITHUB_REPOSITORY: "you/mail",
    GITHUB_TOKEN: "ghs_x",
    GITHUB_EVENT_PATH: path.join(folder, "event.json"),
});

async function sent(environment: NodeJS.ProcessEnv): Promise<string[]> {
    requests = [];
    await postComment(`${marker}\ntext`, marker, environment);
    return requests;
}

it("GitHub: a first comment is written, a later one replaces it", async () => {
    const other = Array.from({ length: 100 }, (_, id) => ({ id, body: "theirs" }));
    const body = JSON.stringify({ body: `${marker}\ntext` });
    const comments = "/repos/you/mail/issues/7/comments";
    existing = [];
    assert.deepEqual(await sent(github()), [
        `GET ${comments}?per_page=100&page=1 Bearer ghs_x`,
        `POST ${comments} Bearer ghs_x ${body}`,
    ]);
    existing = [...other, { id: 555, body: `${marker}\nold` }];
    assert.deepEqual(await sent(github()), [
        `GET ${comments}?per_page=100&page=1 Bearer ghs_x`,
        `GET ${comments}?per_page=100&page=2 Bearer ghs_x`,
        `PATCH /repos/you/mail/issues/comments/555 Bearer ghs_x ${body}`,
    ]);
});

it("GitLab: a note of the merge request", async () => {
    existing = [{ id: 9, body: `${marker}\nold` }];
    const environment = {
        GITLAB_CI: "true",
        CI_API_V4_URL: `${base}/api/v4`,
        CI_PROJECT_ID: "3",
        CI_MERGE_REQUEST_IID: "12",
        MAILHOST_GITLAB_TOKEN: "glpat-x",
    };
    const notes = "/api/v4/projects/3/merge_requests/12/notes";
    assert.deepEqual(await sent(environment), [
        `GET ${notes}?per_page=100&page=1 glpat-x`,
        `PUT ${notes}/9 glpat-x ${JSON.stringify({ body: `${marker}\ntext` })}`,
    ]);
    await assert.rejects(
        sent({ ...environment, CI_MERGE_REQUEST_IID: undefined }),
        /CI_MERGE_REQUEST_IID is not set/,
    );
});

it("a refusal is told without the token; a run of no request too", async () => {
    status = 403;
    await assert.rejects(sent(github()), (error: Error) => {
        assert.match(error.message, /comments was answered with 403\. May this token write/);
        return !error.message.includes("ghs_x");
    });
    status = 200;
    const push = { ...github(), GITHUB_EVENT_PATH: path.join(folder, "push.json") };
    await assert.rejects(sent(push), /is no pull request/);
});
