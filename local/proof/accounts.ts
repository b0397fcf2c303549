import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { cloudPaths } from "../paths";

/** Who this computer is at the host: made by the first `npm run local`, needed by every later one. */
export interface Accounts {
    /** The first administrator, who signs in to the web site. */
    administrator?: { email: string; password: string };
    /** What mail programs log in with. */
    mailbox?: { address: string; password: string };
}

const accountsFile = (cloud: string) => path.join(cloudPaths(cloud).root, "accounts.json");

export function readAccounts(cloud: string): Accounts {
    try {
        return JSON.parse(fs.readFileSync(accountsFile(cloud), "utf8")) as Accounts;
    } catch {
        return {};
    }
}

export function writeAccounts(cloud: string, accounts: Accounts): void {
    const file = accountsFile(cloud);
    fs.writeFileSync(`${file}.next`, JSON.stringify(accounts, undefined, 2), { mode: 0o600 });
    fs.renameSync(`${file}.next`, file);
}

/** One that no estimate of its strength finds fault with. */
export function newPassword(): string {
    return randomBytes(24).toString("base64url");
}
