import * as https from "node:https";
import { encrypt } from "./encryption";
import type { Environment } from "./environment";
import type { Service } from "./service";

const replySeconds = 10;

/**
 * Asks the sqlite service whether it serves a mailbox: by name, over TLS, with the services' secret.
 *
 * @throws Error that says why not.
 */
export function askSqlite(environment: Environment, address: string): Promise<void> {
    const host = environment.text("SQLITE_HOST");
    const port = environment.number("SQLITE_PORT");
    const secret = environment.list("API_SECRETS")?.[0];
    if (secret === undefined) {
        throw new Error("API_SECRETS is no list (it has no comma): sqlite can't be asked");
    }
    const request = https.get({
        ...{ host, port, path: `/mailboxes/${encodeURIComponent(address)}` },
        auth: `${encrypt(environment, secret)}:`,
        timeout: replySeconds * 1000,
        // As the real client: the name needs no certificate.
        rejectUnauthorized: false,
    });
    return new Promise((resolve, reject) => {
        request.on("timeout", () =>
            request.destroy(new Error(`no answer within ${replySeconds} s`)),
        );
        request.on("error", (error) =>
            reject(new Error(`sqlite at ${host}:${port}: ${error.message}`, { cause: error })),
        );
        request.on("response", (response) => {
            response.resume();
            if (response.statusCode === 200) resolve();
            else reject(new Error(`sqlite at ${host}:${port} answered ${response.statusCode}`));
        });
    });
}

/** Says in the log when sqlite can't be reached. The real services go on then as well. */
export function sayWhetherSqliteAnswers(service: Service): void {
    void Promise.resolve()
        .then(() => askSqlite(service.environment, "any"))
        .catch((error: unknown) => service.log(`error: ${(error as Error).message}`));
}
