import * as fs from "node:fs";
import * as path from "node:path";
import { build } from "esbuild";
import { projectRoot } from "../paths";
import { renderDefaults, renderSchema } from "./variables";

/*
 * The stand-in of the mail image's programs: small and plain, but with what the host has to do right for the real one.
 *
 * At start, in this order: one line that says what it is; `.env` of the working folder (an unreadable one is ignored
 * without a word, then `MISSING CONFIG VALUES: …` and 1 for variables without a default); the files that *_SSL_*_PATH
 * name (EACCES ends it); MongoDB and Redis (ECONNREFUSED ends it after 5 s); its port, at `::`. SIGTERM: no new work,
 * what is under way is finished, 0 within 5 s.
 *
 * | service | port (variable, default) | speaks |
 * | --- | --- | --- |
 * | web | WEB_PORT 3000 | HTTPS |
 * | api | API_PORT 4000 | HTTPS |
 * | caldav, carddav | CALDAV_PORT 5000, CARDDAV_PORT 6000 | HTTPS: 200 for an alias with its password, else 401 |
 * | sqlite | SQLITE_PORT 3456 | HTTPS, for imap, pop3 and mx; ends with EACCES when the storage can't be written |
 * | mx | MX_PORT 2525 | SMTP with STARTTLS, for aliases that have a mailbox |
 * | smtp | SMTP_PORT 2587 | SMTP with authentication: 465 and 2465 TLS, any other port STARTTLS |
 * | imap | IMAP_PORT 2993 | IMAP4rev1 over TLS, read only, one mailbox: INBOX |
 * | pop3 | POP3_PORT 2995 | POP3 over TLS, read only |
 * | bree, smtp_bree, sqlite_bree | none | |
 *
 * web answers JSON; a request's body is JSON or a form. What it refuses is `{"message"}` with 400, 401, 404 or 409.
 * While there is no administrator (always with AUTH_BASIC_ALWAYS), everything wants AUTH_BASIC_USERNAME and
 * AUTH_BASIC_PASSWORD, when these are set.
 * | request | answer |
 * | --- | --- |
 * | GET / | 302 to /setup while there is no administrator, else 200 |
 * | GET /setup | 200, a page |
 * | POST /register {email, password} | 200 {email, group}; a cookie. The first is `admin`, others are `user` |
 * | POST /login {email, password} | 200 {email, group}; a cookie |
 * | GET /my-account/security | 200 {email, group, api_token} |
 * | POST /setup/domain {domain} | 200 {id, name, has_smtp, verification_record}, of the one that is there too |
 * | GET /setup/dns/DOMAIN | 200 {checklist: [{name, type, value, ok, required, found}], complete} |
 * The checklist has full names without a last dot. Of type TXT are: `fe-<10 hex>._domainkey.DOMAIN`, DOMAIN with
 * `forward-email-site-verification=…`, DOMAIN with `v=spf1 …`, and `_dmarc.DOMAIN`.
 *
 * api wants Basic authentication: the user's api_token, any password. It refuses with {statusCode, error, message}.
 * | request | answer |
 * | --- | --- |
 * | GET /v1/test (no authentication) | 200 {ok: true} |
 * | GET /v1/domains | 200 [domain] |
 * | POST /v1/domains {domain} | 200 domain; 409 when there is one |
 * | GET /v1/domains/DOMAIN | 200 domain: {id, name, has_smtp, verification_record} |
 * | GET /v1/domains/DOMAIN/verify-records | 200 {message}, or 400: MX and verification |
 * | GET /v1/domains/DOMAIN/verify-smtp | 200 {message}, or 400: DKIM, return path, SPF, DMARC; sets has_smtp |
 * | GET /v1/domains/DOMAIN/aliases | 200 [alias] |
 * | POST /v1/domains/DOMAIN/aliases {name, has_imap} | 200 alias: {id, name, domain, has_imap} |
 * | POST /v1/domains/DOMAIN/aliases/ID-OR-NAME/generate-password {new_password?} | 200 {username, password} |
 * | GET /v1/emails | 200 [email] |
 * | GET /v1/emails/ID | 200 email: {id, status, envelope, attempts, error} |
 * An email's status is `queued`, `deferred` (tried again later), `sent`, `bounced` (by the recipient's server) or
 * `rejected` (by the checks before sending). Its error is {code, message} or null; the codes of the checks are
 * INVALID_DKIM_SIGNATURE, INVALID_RETURN_PATH, INVALID_SPF_RESULT and INVALID_DMARC_RESULT.
 *
 * smtp takes mail of an alias with its password, from its address alone, once its domain has_smtp (else 535), and
 * answers `250 … queued as ID`. mx answers 250 when the message is safe on the disk, as
 * `/mnt/$SQLITE_STORAGE_PATH/ALIAS@DOMAIN/<UID>.eml`; 550 5.1.1 for whom it doesn't know. imap and pop3 open a mailbox
 * only when sqlite, at SQLITE_HOST, takes their secret.
 */

/** The programs, as the mail image names them: `node web.js`. */
export const standInPrograms = [
    ...["web", "api", "bree", "smtp", "smtp-bree", "mx", "imap", "pop3", "sqlite"],
    ...["sqlite-bree", "caldav", "carddav"],
] as const;

export interface StandInOptions {
    /** What the programs say that they are, e.g. `v1.0.0`. */
    version: string;
}

/**
 * Writes what the stand-in's image has in `/app`: the programs for Node 20, what they share, and the tables of their
 * variables. The same sources and version make the same files.
 */
export async function bundleStandIn(folder: string, options: StandInOptions): Promise<void> {
    const services = path.join(__dirname, "services");
    await build({
        absWorkingDir: projectRoot,
        entryPoints: standInPrograms.map((program) => path.join(services, `${program}.ts`)),
        outdir: folder,
        bundle: true,
        platform: "node",
        target: "node20",
        // The only format whose output is split: a program starts with what it needs, and loads the rest when it does.
        format: "esm",
        splitting: true,
        minifySyntax: true,
        minifyWhitespace: true,
        legalComments: "none",
        logLevel: "error",
        define: { STAND_IN_VERSION: JSON.stringify(options.version) },
        // Packages in CommonJS ask for Node's own modules with `require`.
        banner: {
            js: 'import{createRequire as makeRequire}from"node:module";const require=makeRequire(import.meta.url);',
        },
    });
    const write = (name: string, content: string) =>
        fs.writeFileSync(path.join(folder, name), content);
    write("package.json", JSON.stringify({ private: true, type: "module" }) + "\n");
    write(".env.schema", renderSchema());
    write(".env.defaults", renderDefaults());
}
