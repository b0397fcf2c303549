import * as fs from "node:fs";
import type { RequestListener } from "node:http";
import * as path from "node:path";

/** Serves the files of a folder, for `apt` and nothing else: GET and HEAD, no listings. */
export function createFileService(folder: string): RequestListener {
    return (request, response) => {
        const refuse = (status: number): void => void response.writeHead(status).end();
        if (request.method !== "GET" && request.method !== "HEAD") return refuse(405);
        const file = fileOf(folder, request.url ?? "/");
        if (file === undefined) return refuse(404);
        const stat = fs.statSync(file);
        if (!stat.isFile()) return refuse(404);
        response.writeHead(200, {
            "content-length": stat.size,
            "last-modified": stat.mtime.toUTCString(),
        });
        if (request.method === "HEAD") return void response.end();
        fs.createReadStream(file)
            .on("error", () => response.destroy())
            .pipe(response);
    };
}

/** Undefined for what isn't in the folder, symbolic links followed. */
function fileOf(folder: string, url: string): string | undefined {
    try {
        const asked = path.join(folder, decodeURIComponent(new URL(url, "http://laptop").pathname));
        const real = fs.realpathSync(asked);
        return real.startsWith(fs.realpathSync(folder) + path.sep) ? real : undefined;
    } catch {
        return undefined;
    }
}
