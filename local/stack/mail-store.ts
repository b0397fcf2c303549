import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Environment } from "./environment";

/** A message of a mailbox. */
export interface StoredMessage {
    /** Ascending, never used again: the number in its file's name. */
    uid: number;
    bytes: number;
    received: Date;
    file: string;
}

/** Where the mailboxes are: a folder for each alias, a file for each message. */
export function storageFolder(environment: Environment): string {
    return path.join("/mnt", environment.text("SQLITE_STORAGE_PATH"));
}

/** @throws Node's own error (EACCES) where the services' user may not write. */
export function checkStorage(environment: Environment): void {
    const probe = path.join(storageFolder(environment), `.probe-${randomUUID()}`);
    fs.writeFileSync(probe, "");
    fs.rmSync(probe);
}

/** Stores a message; when this returns it survives a power cut. */
export async function storeMessage(
    environment: Environment,
    address: string,
    message: Buffer,
): Promise<number> {
    const folder = path.join(storageFolder(environment), address);
    await fs.promises.mkdir(folder, { recursive: true });
    const draft = path.join(folder, `${randomUUID()}.draft`);
    const file = await fs.promises.open(draft, "w", 0o600);
    try {
        await file.writeFile(message);
        await file.sync();
    } finally {
        await file.close();
    }
    try {
        let uid = Math.max(0, ...(await uidsOf(folder))) + 1;
        // A link, unlike a rename, never takes the place of a message that came at the same time.
        while (!(await linked(draft, fileOf(folder, uid)))) uid++;
        await syncFolder(folder);
        await syncFolder(path.dirname(folder));
        return uid;
    } finally {
        await fs.promises.rm(draft, { force: true });
    }
}

async function linked(from: string, to: string): Promise<boolean> {
    try {
        await fs.promises.link(from, to);
        return true;
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
        throw error;
    }
}

/** In the order of their arrival. */
export async function listMessages(
    environment: Environment,
    address: string,
): Promise<StoredMessage[]> {
    const folder = path.join(storageFolder(environment), address);
    const uids = (await uidsOf(folder)).sort((a, b) => a - b);
    return Promise.all(
        uids.map(async (uid) => {
            const file = fileOf(folder, uid);
            const { size, mtime } = await fs.promises.stat(file);
            return { uid, bytes: size, received: mtime, file };
        }),
    );
}

async function uidsOf(folder: string): Promise<number[]> {
    try {
        const names = await fs.promises.readdir(folder);
        return names.flatMap((name) => {
            const uid = /^(\d+)\.eml$/.exec(name)?.[1];
            return uid === undefined ? [] : [Number(uid)];
        });
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
        throw error;
    }
}

function fileOf(folder: string, uid: number): string {
    return path.join(folder, `${uid}.eml`);
}

async function syncFolder(folder: string): Promise<void> {
    const handle = await fs.promises.open(folder, "r");
    try {
        await handle.sync();
    } finally {
        await handle.close();
    }
}
