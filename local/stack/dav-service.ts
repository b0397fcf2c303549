import { Accounts } from "./accounts";
import { askCredentials, serveHttps } from "./https-service";
import { runService } from "./service";
import { readTlsFiles } from "./tls-files";

const refusal = (_status: number, message: string) => ({ message });

/** A service of calendars or contacts, which tells who may have some from who may not, and has none. */
export function runDavService(name: "caldav" | "carddav"): Promise<void> {
    const prefix = name === "caldav" ? "CALDAV" : "CARDDAV";
    return runService(name, {
        prepare: ({ environment }) => readTlsFiles(environment, prefix),
        start: (service, tls) =>
            serveHttps(service, {
                port: service.environment.number(`${prefix}_PORT`),
                tls,
                refusal,
                async guard({ credentials }) {
                    const accounts = await Accounts.open(service.environment);
                    const { username, password } = credentials ?? { username: "", password: "" };
                    return (await accounts.authenticate(username, password))
                        ? { body: { ok: true } }
                        : askCredentials(refusal(401, "Authentication is required."));
                },
                routes: {},
            }),
    });
}
