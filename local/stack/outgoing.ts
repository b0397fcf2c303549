import * as os from "node:os";
import type { Accounts, Domain } from "./accounts";
import { isReturnPath, makeResolver, resolveWith, returnPathHost, spfResult } from "./dns-checks";
import type { Email } from "./emails";
import type { Environment } from "./environment";

const smtpPort = 25;
const connectSeconds = 20;

/** Why a message is not sent. */
export class SendError extends Error {
    constructor(
        readonly outcome: "rejected" | "bounced" | "deferred",
        readonly code: string,
        message: string,
    ) {
        super(message);
    }
}

/**
 * Sends a message to one recipient: signed, with its return path below the domain, and only when what DNS says of the
 * domain would let others take it.
 *
 * @returns what the recipient's server answered.
 * @throws SendError
 */
export async function sendEmail(
    environment: Environment,
    accounts: Accounts,
    email: Email,
    recipient: string,
): Promise<string> {
    const domain = await accounts.domain(email.domain);
    if (!domain) throw new SendError("rejected", "INVALID_DOMAIN", `${email.domain} is gone`);
    const from = `bounce+${email._id}@${returnPathHost(domain)}`;
    const message = Buffer.from(email.message, "base64");
    const signed = Buffer.concat([
        Buffer.from(await signatureOf(message, domain, accounts.signingKey(domain))),
        message,
    ]);
    await checkDomain(environment, domain, signed, from);
    return deliver(signed, from, recipient);
}

/** The DKIM signature of a message, a whole header with its line break. */
export async function signatureOf(
    message: Buffer,
    domain: Pick<Domain, "_id" | "dkim_key_selector">,
    privateKey: string,
): Promise<string> {
    const { dkimSign } = await import("./mail-authentication.js");
    const key = { signingDomain: domain._id, selector: domain.dkim_key_selector, privateKey };
    // Its types know the key itself only, its code the list only.
    const options = {
        ...{ ...key, signatureData: [key], canonicalization: "relaxed/relaxed" },
        // Else it asks the clock when it signs and again when it writes the header.
        signTime: new Date(),
    };
    const { signatures, errors } = await dkimSign(message, options);
    if (errors.length > 0) throw new Error(`The message can't be signed: ${String(errors[0])}`);
    return signatures;
}

/** The checks that refuse to send, in the order of the real one. */
async function checkDomain(
    environment: Environment,
    domain: Domain,
    message: Buffer,
    returnPath: string,
): Promise<void> {
    const resolver = makeResolver();
    const refuse = (code: string, reason: string) => new SendError("rejected", code, reason);

    const { dkimVerify, dmarc } = await import("./mail-authentication.js");
    const resolve = resolveWith(resolver);
    const { results, headerFrom } = await dkimVerify(message, { resolver: resolve });
    const own = results.find(({ signingDomain }) => signingDomain === domain._id);
    if (own?.status.result !== "pass") {
        const name = `${domain.dkim_key_selector}._domainkey.${domain._id}`;
        throw refuse(
            "INVALID_DKIM_SIGNATURE",
            `The signature can't be verified with the record ${name}: ${own?.info ?? "none"}`,
        );
    }

    const webHost = environment.text("WEB_HOST");
    const published = await resolver.resolveCname(returnPathHost(domain)).catch(() => []);
    if (!isReturnPath(published, webHost)) {
        throw refuse(
            "INVALID_RETURN_PATH",
            `${returnPathHost(domain)} has to be a CNAME of ${webHost}; it is ${published[0] ?? "none"}`,
        );
    }

    for (const sender of [`postmaster@${domain._id}`, returnPath]) {
        const result = await spfResult(resolver, sender, os.hostname());
        if (result !== "pass") {
            throw refuse("INVALID_SPF_RESULT", `SPF of ${sender} is ${result}, not pass`);
        }
    }

    const result = await dmarc({
        headerFrom,
        spfDomains: [returnPathHost(domain)],
        dkimDomains: [{ id: own.id, domain: domain._id, aligned: own.status.aligned ?? false }],
        resolver: resolve,
    });
    const status = result === false ? "none" : result.status.result;
    if (status !== "pass") {
        throw refuse("INVALID_DMARC_RESULT", `DMARC of ${domain._id} is ${status}, not pass`);
    }
}

async function deliver(message: Buffer, from: string, recipient: string): Promise<string> {
    const { createTransport } = await import("nodemailer");
    let last: unknown = new Error(`${recipient} has no mail server`);
    for (const { name, address } of await mailServersOf(recipient)) {
        const transport = createTransport({
            host: address,
            port: smtpPort,
            name: os.hostname(),
            opportunisticTLS: true,
            // As mail servers do: what is opportunistic is not verified.
            tls: { rejectUnauthorized: false, servername: name },
            connectionTimeout: connectSeconds * 1000,
        });
        try {
            const { response } = await transport.sendMail({
                envelope: { from, to: [recipient] },
                raw: message,
            });
            return response;
        } catch (error) {
            const { responseCode = 0, message: reason } = error as Error & {
                responseCode?: number;
            };
            if (responseCode >= 500) throw new SendError("bounced", String(responseCode), reason);
            last = error;
        } finally {
            transport.close();
        }
    }
    const {
        responseCode,
        code,
        message: reason,
    } = last as Error & {
        responseCode?: number;
        code?: string;
    };
    throw new SendError("deferred", String(responseCode ?? code ?? "ENOTFOUND"), reason);
}

/** In the order of their preference. IPv4 alone: it is what SPF was checked for. */
async function mailServersOf(recipient: string): Promise<{ name: string; address: string }[]> {
    const resolver = makeResolver();
    const host = recipient.slice(recipient.lastIndexOf("@") + 1);
    const exchangers = await resolver.resolveMx(host).catch(() => []);
    if (exchangers.some(({ exchange }) => exchange === "")) {
        throw new SendError("bounced", "ENOTFOUND", `${host} takes no mail (null MX)`);
    }
    const names =
        exchangers.length > 0
            ? exchangers.sort((a, b) => a.priority - b.priority).map(({ exchange }) => exchange)
            : [host];
    const found = await Promise.all(
        names.map(async (name) =>
            (await resolver.resolve4(name).catch(() => [])).map((address) => ({ name, address })),
        ),
    );
    return found.flat();
}
