import { randomBytes } from "node:crypto";
import { Accounts, Refusal, type Domain, type User } from "../accounts";
import { checklist } from "../dns-checks";
import type { Environment } from "../environment";
import {
    askCredentials,
    serveHttps,
    textField,
    type Reply,
    type Request,
    type Routes,
} from "../https-service";
import { askRedis } from "../redis";
import { runService } from "../service";
import { readTlsFiles } from "../tls-files";

const sessionSeconds = 24 * 60 * 60;
const sessionCookie = "session";
const setupPage = "<!doctype html><title>Set up</title><p>POST /register, then /setup/domain.";

const refusal = (_status: number, message: string) => ({ message });

void runService("web", {
    prepare: ({ environment }) => readTlsFiles(environment, "WEB"),
    start: (service, tls) =>
        serveHttps(service, {
            port: service.environment.number("WEB_PORT"),
            tls,
            refusal,
            guard: (request) => guard(service.environment, request),
            routes: routes(service.environment),
        }),
});

/** Keeps strangers out until there is an administrator, when a name and a password are set for that. */
async function guard(environment: Environment, request: Request): Promise<Reply | undefined> {
    const username = environment.text("AUTH_BASIC_USERNAME");
    const password = environment.text("AUTH_BASIC_PASSWORD");
    if (!environment.is("AUTH_BASIC_ENABLED") || username === "" || password === "") return;
    const { credentials } = request;
    if (credentials?.username === username && credentials.password === password) return;
    const accounts = await Accounts.open(environment);
    if (!environment.is("AUTH_BASIC_ALWAYS") && (await accounts.hasAdministrator())) return;
    return askCredentials(refusal(401, "Authentication is required."));
}

function routes(environment: Environment): Routes {
    const accounts = () => Accounts.open(environment);

    const startSession = async (user: User): Promise<Reply> => {
        const id = randomBytes(24).toString("hex");
        const key = `session:${id}`;
        await askRedis(environment, "SET", key, user._id, "EX", String(sessionSeconds));
        const cookie = `${sessionCookie}=${id}; Path=/; HttpOnly; Secure; SameSite=Lax`;
        return {
            headers: { "set-cookie": cookie },
            body: { email: user._id, group: user.group },
        };
    };
    const userOf = async (request: Request): Promise<User> => {
        const id = /(?:^|; )session=([0-9a-f]+)/.exec(request.headers.cookie ?? "")?.[1];
        const email = id === undefined ? null : await askRedis(environment, "GET", `session:${id}`);
        const user = email === null ? null : await (await accounts()).user(email);
        if (!user) throw new Refusal(401, "Please log in.");
        return user;
    };

    return {
        "GET /": async () =>
            (await (await accounts()).hasAdministrator())
                ? { body: "<!doctype html><title>Mail</title><p>POST /login." }
                : { status: 302, headers: { location: "/setup" } },
        "GET /setup": () => ({ body: setupPage }),
        "POST /register": async (request) => {
            const [email, password] = [textField(request, "email"), textField(request, "password")];
            return startSession(await (await accounts()).register(email, password));
        },
        "POST /login": async (request) => {
            const [email, password] = [textField(request, "email"), textField(request, "password")];
            return startSession(await (await accounts()).login(email, password));
        },
        "GET /my-account/security": async (request) => {
            const { _id, group, api_token } = await userOf(request);
            return { body: { email: _id, group, api_token } };
        },
        "POST /setup/domain": async (request) => {
            const user = await userOf(request);
            const name = textField(request, "domain");
            const there = await (await accounts()).domain(name);
            const domain =
                there?.owner === user._id
                    ? there
                    : await (await accounts()).createDomain(user, name);
            return { body: describeDomain(domain) };
        },
        "GET /setup/dns/*": async (request) => {
            const user = await userOf(request);
            const domain = await (await accounts()).ownDomain(user, request.parameters[0]!);
            const checks = await checklist(environment, domain);
            const complete = checks.every(({ ok, required }) => ok || !required);
            return { body: { checklist: checks, complete } };
        },
    };
}

function describeDomain({ _id, has_smtp, verification_record }: Domain): object {
    return { id: _id, name: _id, has_smtp, verification_record };
}
