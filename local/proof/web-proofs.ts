import { newPassword, writeAccounts } from "./accounts";
import { RefusedError } from "./mail-site";
import type { ProofStep } from "./proof";
import type { ProofContext } from "./proof-context";

/** Names that later proofs need. */
export const webSite = "web site over HTTPS";
export const administrator = "administrator";
export const mailbox = "domain and mailbox";

/** The local part of the mailbox that is made. */
const aliasName = "proof";

/** From a host without anybody to one with an administrator, a mail domain and a mailbox. */
export function webProofs(context: ProofContext): ProofStep[] {
    return [
        {
            name: webSite,
            services: ["sni-router", "web"],
            prove: () => proveWebSite(context),
        },
        {
            name: administrator,
            needs: [webSite],
            services: ["web"],
            prove: () => proveAdministrator(context),
        },
        {
            name: mailbox,
            needs: [administrator],
            services: ["web", "api"],
            prove: () => proveMailbox(context),
        },
    ];
}

/** Paths that a web server likes to answer by itself. */
const plainPaths = ["/", "/.well-known/acme-challenge/x", "/a/path?with=query"];

async function proveWebSite({ outside, site }: ProofContext): Promise<string> {
    const { domain, domains } = outside;
    const { status } = await site.web.request("GET", `https://${domain}/`);
    if (![200, 302, 401].includes(status)) throw new Error(`https://${domain}/ answers ${status}.`);
    for (const host of [domain, `mta-sts.${domains.at(-1) ?? domain}`]) {
        for (const path of plainPaths) {
            const answer = await site.web.request("GET", `http://${host}${path}`);
            const to = answer.headers.location;
            if (![301, 308].includes(answer.status) || to !== `https://${host}${path}`) {
                throw new Error(
                    `http://${host}${path} answers ${answer.status}, location ${to ?? "none"}: it has to lead to https alone.`,
                );
            }
        }
    }
    return `certificate of https://${domain} verified; port 80 only leads there`;
}

async function proveAdministrator(context: ProofContext): Promise<string> {
    const { outside, site, webAuth, cloud } = context;
    const wrong = { username: webAuth.username, password: "not the password" };
    if (!(await site.isGuarded())) return logIn(context);
    if (!(await site.isGuarded(wrong))) throw new Error("The web site takes a wrong password.");
    if (await site.isGuarded(webAuth)) {
        throw new Error("The web site does not take the stack's outputs authBasic….");
    }
    const email = `admin@${outside.domain}`;
    const user = context.accounts.administrator ?? { email, password: newPassword() };
    // Whoever registers first is the administrator: a run that is killed now has to know the password.
    context.accounts = { administrator: user };
    writeAccounts(cloud, context.accounts);
    const group = await site.register(user, webAuth);
    if (group !== "admin") throw new Error(`The first user is in the group ${group}, not admin.`);
    if (await site.isGuarded()) {
        throw new Error(
            "The web site asks for the first password although there is an administrator.",
        );
    }
    return `401 without the output authBasicPassword; ${email} registered with it`;
}

async function logIn({ site, accounts }: ProofContext): Promise<string> {
    if (!accounts.administrator) {
        throw new Error(
            "The host has an administrator that this computer does not know. `npm run local -- down --delete` starts over.",
        );
    }
    await site.logIn(accounts.administrator);
    return `logged in as ${accounts.administrator.email}, who was there`;
}

async function proveMailbox(context: ProofContext): Promise<string> {
    const { outside, site, accounts, cloud } = context;
    const { domain } = outside;
    const address = `${aliasName}@${domain}`;
    const aliases = `/v1/domains/${domain}/aliases`;
    await site.addDomain(domain);
    const there = (await site.api<{ name: string }[]>("GET", aliases)).some(
        ({ name }) => name === aliasName,
    );
    if (there && accounts.mailbox) return `${address} was there`;
    if (!there) await site.api("POST", aliases, { name: aliasName, has_imap: true });
    const { username, password } = await site.api<{ username: string; password: string }>(
        "POST",
        `${aliases}/${aliasName}/generate-password`,
        {},
    );
    if (username !== address) throw new Error(`The mailbox is called ${username}, not ${address}.`);
    context.accounts = { ...accounts, mailbox: { address, password } };
    writeAccounts(cloud, context.accounts);
    return `${address} made through https://api.${domain}${await refusesStrangers(site)}`;
}

async function refusesStrangers(site: ProofContext["site"]): Promise<string> {
    try {
        await site.asStranger("GET", "/v1/domains");
    } catch (error) {
        if (error instanceof RefusedError && error.status === 401) return ", which wants the token";
        throw error;
    }
    throw new Error("The API answers without a token.");
}
