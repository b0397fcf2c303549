import { decrypt } from "../encryption";
import type { Environment } from "../environment";
import { askCredentials, serveHttps, type Request } from "../https-service";
import { checkStorage } from "../mail-store";
import { runService } from "../service";
import { readTlsFiles } from "../tls-files";

const refusal = (_status: number, message: string) => ({ message });

void runService("sqlite", {
    prepare: ({ environment }) => {
        checkStorage(environment);
        return readTlsFiles(environment, "WEB");
    },
    start: (service, tls) =>
        serveHttps(service, {
            port: service.environment.number("SQLITE_PORT"),
            tls,
            refusal,
            guard: (request) =>
                isService(service.environment, request)
                    ? undefined
                    : askCredentials(refusal(401, "Not one of the services.")),
            routes: {
                "GET /mailboxes/*": () => {
                    checkStorage(service.environment);
                    return { body: { ok: true } };
                },
            },
        }),
});

/** The services know a secret, and the key to encrypt it with. */
function isService(environment: Environment, { credentials }: Request): boolean {
    try {
        const secret = decrypt(environment, credentials?.username ?? "");
        return environment.list("API_SECRETS")?.includes(secret) === true;
    } catch {
        return false;
    }
}
