import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";
import type { SFTPWrapper } from "ssh2";
import { resource, type Context } from "../handler";
import { isArchive, unknownValue, type Asset, type CheckFailure, type Values } from "../schema";
import { dial } from "./dial";
import { connection, triggers } from "./properties";

const inputs = {
    connection,
    source: { type: "assetOrArchive", required: true },
    remotePath: { type: "string", required: true },
    triggers,
} as const;

type Inputs = Values<typeof inputs>;

/** Files sent over SFTP. Never removes what it sent. */
export const copyToRemote = resource({
    inputs,
    outputs: {},
    check: ({ source }) => ({ failures: checkSource(source as unknown as Asset | string) }),
    async create(given, context) {
        await copy(given, context);
        return { id: randomBytes(4).toString("hex"), outputs: { ...given } };
    },
    async update(old, given, context) {
        const same =
            old.inputs.source.hash === given.source.hash &&
            old.inputs.remotePath === given.remotePath;
        if (!same) await copy(given, context);
        return { outputs: { ...given } };
    },
});

function checkSource(source: Asset | string): CheckFailure[] {
    if (typeof source === "string") {
        // The real provider (1.2.1) fails here too: it takes an unknown source for a missing one.
        return source === unknownValue
            ? [{ path: "asset", reason: "either asset or archive must be set" }]
            : [];
    }
    const kept = isArchive(source) ? source.path : (source.path ?? source.text);
    if (kept !== undefined) return [];
    return [
        {
            path: "source",
            reason: "only file assets, string assets and file archives can be copied",
        },
    ];
}

async function copy(given: Inputs, context: Context): Promise<void> {
    const client = await dial(given.connection, context);
    try {
        const sftp = await new Promise<SFTPWrapper>((resolve, reject) => {
            client.sftp((error, opened) => (error ? reject(error) : resolve(opened)));
        });
        const remote = new Remote(sftp);
        const { source, remotePath } = given;
        if (source.path !== undefined) await copyPath(remote, source.path, remotePath);
        else await copyText(remote, source.text ?? "", remotePath);
    } finally {
        client.end();
    }
}

async function copyText(remote: Remote, text: string, target: string): Promise<void> {
    if ((await remote.kind(target)) === "folder") {
        throw new Error(
            `remote path ${target} is a directory; when using a text asset, remotePath must be a file path`,
        );
    }
    await remote.makeFolders(path.posix.dirname(target));
    await remote.write(target, text);
}

/** A folder goes into the target, its content alone when its path ends in a slash; a file to it, or into it. */
async function copyPath(remote: Remote, source: string, target: string): Promise<void> {
    const kind = await remote.kind(target);
    if (!fs.statSync(source).isDirectory()) {
        if (kind === undefined) await remote.makeFolders(path.posix.dirname(target));
        const file = kind === "folder" ? path.posix.join(target, path.basename(source)) : target;
        await remote.send(source, file);
        return;
    }
    const top = source.endsWith("/") ? target : path.posix.join(target, path.basename(source));
    if (kind === undefined) await remote.makeFolders(target);
    await copyFolder(remote, source, top);
}

async function copyFolder(remote: Remote, source: string, target: string): Promise<void> {
    const kind = await remote.kind(target);
    if (kind === "file") throw new Error(`remote path ${target} exists but is not a directory`);
    if (kind === undefined) await remote.makeFolders(target);
    for (const entry of fs.readdirSync(source, { withFileTypes: true })) {
        const from = path.join(source, entry.name);
        const to = path.posix.join(target, entry.name);
        if (entry.isDirectory()) await copyFolder(remote, from, to);
        else await remote.send(from, to);
    }
}

/** The few calls of SFTP that a copy needs. */
class Remote {
    constructor(private readonly sftp: SFTPWrapper) {}

    async kind(at: string): Promise<"file" | "folder" | undefined> {
        const stats = await new Promise<{ isDirectory(): boolean } | undefined>(
            (resolve, reject) => {
                this.sftp.stat(at, (error, found) => {
                    if (!error) resolve(found);
                    else if ((error as { code?: unknown }).code === noSuchFile) resolve(undefined);
                    else reject(new Error(`failed to stat remote path ${at}: ${error.message}`));
                });
            },
        );
        return stats && (stats.isDirectory() ? "folder" : "file");
    }

    async makeFolders(at: string): Promise<void> {
        if ((await this.kind(at)) === "folder") return;
        if (at !== path.posix.dirname(at)) await this.makeFolders(path.posix.dirname(at));
        await this.attempt(at, () => promisify<string, void>(this.sftp.mkdir.bind(this.sftp))(at));
    }

    async send(source: string, target: string): Promise<void> {
        await this.attempt(target, () =>
            promisify<string, string, void>(this.sftp.fastPut.bind(this.sftp))(source, target),
        );
    }

    async write(target: string, text: string): Promise<void> {
        await this.attempt(target, () =>
            promisify<string, string, void>(this.sftp.writeFile.bind(this.sftp))(target, text),
        );
    }

    private async attempt(target: string, action: () => Promise<unknown>): Promise<void> {
        try {
            await action();
        } catch (error) {
            throw new Error(
                `failed to write to remote path ${target}: ${(error as Error).message}`,
            );
        }
    }
}

/** SSH_FX_NO_SUCH_FILE of SFTP. */
const noSuchFile = 2;
