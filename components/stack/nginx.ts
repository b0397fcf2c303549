import { covers, type CertificateLineage } from "../certificate/names";
import type { WebDocument } from "../client-settings/web-documents";
import { hostNameOf } from "../names";
import type { Profile } from "./model";
import { routerFolder } from "./services";

/** What the router's configuration follows from. */
export interface RouterContext {
    /** The primary domain. */
    domain: string;
    profile: Profile;
    lineages: readonly CertificateLineage[];
    /** What it answers with itself. */
    documents: readonly WebDocument[];
}

/** Where the HTTPS server of the router itself listens, on the loopback address. */
const ownServer = "127.0.0.1:8443";

/** Where connections go whose name is nobody else's. */
const webServer = "127.0.0.1:3000";

/** A directive, or a block of them. */
type Directive = string | { block: string; content: readonly Directive[] };

function render(directives: readonly Directive[], indent = ""): string {
    return directives
        .map((directive) =>
            typeof directive === "string"
                ? `${indent}${directive};\n`
                : `${indent}${directive.block} {\n${render(directive.content, `${indent}    `)}${indent}}\n`,
        )
        .join("");
}

/** A document's file, relative to the router's folder. */
export function documentFile({ host, path }: Pick<WebDocument, "host" | "path">): string {
    return `documents/${host}${path}`;
}

/** The names under which the router answers itself, in a fixed order. */
export function routerNames({ domain, documents }: RouterContext): string[] {
    return [...new Set([hostNameOf(domain), ...documents.map(({ host }) => host)])];
}

/** The lineage whose certificate is valid for a name; the host's own where none is. */
export function lineageOf(name: string, lineages: readonly CertificateLineage[]): string {
    const found = lineages.find(({ names }) => covers(new Set(names), name));
    return found?.name ?? lineages[0]?.name ?? name;
}

/** The text of `nginx.conf`: it routes by the name that TLS asks for, and answers for a few names itself. */
export function renderRouter(context: RouterContext): string {
    return render([
        // Within what the container may write to.
        "pid /tmp/nginx.pid",
        "error_log stderr warn",
        "worker_processes auto",
        "worker_rlimit_nofile 16384",
        // Workers of an old configuration end the connections that are still open then.
        "worker_shutdown_timeout 30s",
        { block: "events", content: ["worker_connections 4096"] },
        { block: "stream", content: streamPart(context) },
        { block: "http", content: httpPart(context) },
    ]);
}

function streamPart(context: RouterContext): Directive[] {
    const { domain, profile } = context;
    const routes = [
        [`api.${domain}`, "127.0.0.1:4000"],
        ...(profile === "storage"
            ? [
                  [`caldav.${domain}`, "127.0.0.1:5000"],
                  [`carddav.${domain}`, "127.0.0.1:6000"],
              ]
            : []),
        ...routerNames(context).map((name) => [name, ownServer]),
    ];
    return [
        "map_hash_max_size 16384",
        "map_hash_bucket_size 512",
        {
            block: "map $ssl_preread_server_name $upstream",
            content: [`default ${webServer}`, ...routes.map(([name, to]) => `${name} ${to}`)],
        },
        {
            block: "server",
            content: [
                "listen 443",
                "listen [::]:443",
                "ssl_preread on",
                "preread_timeout 10s",
                "proxy_connect_timeout 5s",
                // Mail programs keep connections to calendars open for long.
                "proxy_timeout 15m",
                "proxy_pass $upstream",
            ],
        },
    ];
}

function httpPart(context: RouterContext): Directive[] {
    const { domain, lineages } = context;
    const names = routerNames(context);
    const certificate = `${routerFolder}/certificates/$lineage`;
    return [
        "access_log off",
        "server_tokens off",
        "default_type text/plain",
        ...["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
            (use) => `${use}_temp_path /tmp/${use}`,
        ),
        "client_header_timeout 10s",
        "client_body_timeout 10s",
        "send_timeout 10s",
        "keepalive_timeout 15s",
        "client_max_body_size 64k",
        "server_names_hash_max_size 16384",
        "server_names_hash_bucket_size 512",
        "map_hash_max_size 16384",
        "map_hash_bucket_size 512",
        {
            block: "server",
            content: [
                "listen 80 default_server",
                "listen [::]:80 default_server",
                // What a request without a name is sent to.
                `server_name ${domain}`,
                "return 301 https://$host$request_uri",
            ],
        },
        "ssl_protocols TLSv1.2 TLSv1.3",
        `ssl_ciphers ${ciphers.join(":")}`,
        "ssl_prefer_server_ciphers on",
        "ssl_session_cache shared:tls:1m",
        // Their keys would live as long as the process, and forward secrecy with them.
        "ssl_session_tickets off",
        {
            block: "map $ssl_server_name $lineage",
            content: [
                `default ${lineages[0]?.name ?? domain}`,
                ...names.map((name) => `${name} ${lineageOf(name, lineages)}`),
            ],
        },
        // A variable in the path has them read at each handshake: one that is missing breaks its own names alone.
        `ssl_certificate ${certificate}/fullchain.pem`,
        `ssl_certificate_key ${certificate}/privkey.pem`,
        {
            block: "server",
            content: [`listen ${ownServer} ssl default_server`, "server_name _", "return 421"],
        },
        ...names.map((name) => ownSite(name, context)),
    ];
}

/** With forward secrecy and authenticated encryption, for TLS 1.2; those of 1.3 are all like that. */
const ciphers = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"].flatMap(
    (cipher) => [`ECDHE-ECDSA-${cipher}`, `ECDHE-RSA-${cipher}`],
);

function ownSite(name: string, { domain, profile, documents }: RouterContext): Directive {
    const isHost = name === hostNameOf(domain);
    return {
        block: "server",
        content: [
            `listen ${ownServer} ssl`,
            `server_name ${name}`,
            `root ${routerFolder}/documents/${name}`,
            ...documents.filter(({ host }) => host === name).map(documentLocation),
            ...(isHost && profile === "storage"
                ? ["caldav", "carddav"].flatMap((service) => davRedirects(service, domain))
                : []),
            ...(isHost
                ? [{ block: "location = /", content: [`return 302 https://${domain}/`] }]
                : []),
            { block: "location /", content: ["return 404"] },
        ],
    };
}

function documentLocation({ path, contentType }: WebDocument): Directive {
    const type: Directive[] = [
        { block: "types", content: [] },
        `default_type "${contentType}"`,
        "add_header X-Content-Type-Options nosniff",
    ];
    if (!path.startsWith("/autodiscover/")) return { block: `location = ${path}`, content: type };
    // Outlook writes the path in any case of letters, and asks with POST, which a file does not answer by itself.
    return {
        block: `location ~* ^${path.replaceAll(".", "\\.")}$`,
        content: [...type, `try_files ${path} =404`, `error_page 405 =200 ${path}`],
    };
}

/** RFC 6764 §5: where the service really is. */
function davRedirects(service: string, domain: string): Directive[] {
    return ["", "/"].map((end) => ({
        block: `location = /.well-known/${service}${end}`,
        content: [`return 301 https://${service}.${domain}/`],
    }));
}
