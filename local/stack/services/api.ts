import { STATUS_CODES } from "node:http";
import { Accounts, Refusal, type Alias, type Domain, type User } from "../accounts";
import { checklist, type Check } from "../dns-checks";
import { emails, type Email } from "../emails";
import type { Environment } from "../environment";
import { askCredentials, serveHttps, textField, type Request, type Routes } from "../https-service";
import { runService } from "../service";
import { readTlsFiles } from "../tls-files";

const refusal = (statusCode: number, message: string) => ({
    ...{ statusCode, error: STATUS_CODES[statusCode], message },
});

void runService("api", {
    prepare: ({ environment }) => readTlsFiles(environment, "API"),
    start: (service, tls) =>
        serveHttps(service, {
            port: service.environment.number("API_PORT"),
            tls,
            refusal,
            guard: async (request) =>
                request.path === "/v1/test" || (await userOf(service.environment, request))
                    ? undefined
                    : askCredentials(refusal(401, "Invalid API token.")),
            routes: routes(service.environment),
        }),
});

async function userOf(environment: Environment, request: Request): Promise<User | null> {
    const token = request.credentials?.username;
    return token ? (await Accounts.open(environment)).userOfToken(token) : null;
}

function routes(environment: Environment): Routes {
    /** The domain that the path names, if it is of who asks. */
    const domainOf = async (request: Request) => {
        const accounts = await Accounts.open(environment);
        const user = await userOf(environment, request);
        return { accounts, domain: await accounts.ownDomain(user!, request.parameters[0]!) };
    };
    const emailsOf = async (request: Request) => {
        const user = await userOf(environment, request);
        return (await emails(environment)).find({ owner: user!._id }).toArray();
    };
    const verify = async (domain: Domain, concerns: (check: Check) => boolean) => {
        const checks = await checklist(environment, domain);
        const wrong = checks.filter((check) => check.required && concerns(check) && !check.ok);
        if (wrong.length === 0) return;
        const lines = wrong.map(({ name, type, value }) => `${type} ${name} has to be ${value}`);
        throw new Refusal(400, lines.join("\n"));
    };

    return {
        "GET /v1/test": () => ({ body: { ok: true } }),
        "GET /v1/domains": async (request) => {
            const accounts = await Accounts.open(environment);
            const user = await userOf(environment, request);
            return { body: (await accounts.domainsOf(user!)).map(describeDomain) };
        },
        "POST /v1/domains": async (request) => {
            const accounts = await Accounts.open(environment);
            const user = await userOf(environment, request);
            const domain = await accounts.createDomain(user!, textField(request, "domain"));
            return { body: describeDomain(domain) };
        },
        "GET /v1/domains/*": async (request) => ({
            body: describeDomain((await domainOf(request)).domain),
        }),
        "GET /v1/domains/*/verify-records": async (request) => {
            const { domain } = await domainOf(request);
            await verify(
                domain,
                ({ type, value }) => type === "MX" || value.includes("-site-verification="),
            );
            return { body: { message: "Domain's DNS records have been verified." } };
        },
        "GET /v1/domains/*/verify-smtp": async (request) => {
            const { accounts, domain } = await domainOf(request);
            await verify(
                domain,
                ({ type, value }) => type === "CNAME" || /^v=(spf1|DKIM1|DMARC1)\b/.test(value),
            );
            await accounts.allowSending(domain);
            return { body: { message: "Domain is configured for outbound SMTP." } };
        },
        "GET /v1/domains/*/aliases": async (request) => {
            const { accounts, domain } = await domainOf(request);
            return { body: (await accounts.aliasesOf(domain)).map(describeAlias) };
        },
        "POST /v1/domains/*/aliases": async (request) => {
            const { accounts, domain } = await domainOf(request);
            const hasImap = [true, "true"].includes(request.body["has_imap"] as string);
            const alias = await accounts.createAlias(domain, textField(request, "name"), hasImap);
            return { body: describeAlias(alias) };
        },
        "POST /v1/domains/*/aliases/*/generate-password": async (request) => {
            const { accounts, domain } = await domainOf(request);
            const alias = request.parameters[1]!;
            const given = request.body["new_password"];
            const { address, password } = await accounts.generatePassword(
                domain,
                alias,
                typeof given === "string" ? given : undefined,
            );
            return { body: { username: address, password } };
        },
        "GET /v1/emails": async (request) => ({
            body: (await emailsOf(request)).map(describeEmail),
        }),
        "GET /v1/emails/*": async (request) => {
            const found = (await emailsOf(request)).find(
                ({ _id }) => _id === request.parameters[0],
            );
            if (!found) throw new Refusal(404, "Email does not exist.");
            return { body: describeEmail(found) };
        },
    };
}

function describeDomain({ _id, has_smtp, verification_record }: Domain): object {
    return { id: _id, name: _id, has_smtp, verification_record };
}

function describeAlias({ id, name, domain, has_imap }: Alias): object {
    return { id, name, domain, has_imap };
}

function describeEmail({ _id, status, envelope, attempts, error }: Email): object {
    return { id: _id, status, envelope, attempts, error };
}
