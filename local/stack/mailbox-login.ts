import { Accounts } from "./accounts";
import type { Service } from "./service";
import { askSqlite } from "./sqlite-client";

/**
 * Whether a password opens a mailbox. Both are as they were received: each byte a character.
 *
 * @returns its address; undefined for a wrong password or an alias without a mailbox.
 * @throws Error when that can't be found out, or sqlite doesn't serve the mailbox.
 */
export async function openMailbox(
    service: Service,
    username: string,
    password: string,
): Promise<string | undefined> {
    const accounts = await Accounts.open(service.environment);
    const text = (bytes: string) => Buffer.from(bytes, "latin1").toString("utf8");
    const alias = await accounts.authenticate(text(username), text(password));
    if (!alias?.has_imap) return undefined;
    await askSqlite(service.environment, alias._id);
    return alias._id;
}
