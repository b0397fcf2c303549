import type { Release, StackSecrets } from "../../../components/stack/model";

export const describedSecrets: StackSecrets = {
    helperEncryptionKey: "helperhelperhelperhelperhelper12",
    txtEncryptionKey: "00112233445566778899aabbccddeeff",
    srsSecret: "srssrssrssrssrssrssrssrssrssrs12",
    smtpTransportPassword: "transporttransporttransport12345",
    webhookSignatureKey: "ffeeddccbbaa99887766554433221100",
    apiSecret: "aaaabbbbccccddddeeeeffff0000111122223333444455556666777788889999",
    authBasicPassword: "basicbasicbasicbasicbasicbasic12",
    dkimPrivateKey:
        "-----BEGIN RSA PRIVATE KEY-----\nQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\n-----END RSA PRIVATE KEY-----\n",
    environment: { HOOK_URL: 'https://hooks.example.net/a"b' },
};

/** A release whose compose file the simulated docker of the tests reads: `service content state` lines. */
export function describedRelease(
    further: {
        environment?: string;
        services?: Record<string, string>;
        documents?: readonly string[];
        images?: Partial<Release["images"]>;
        lineage?: string;
    } = {},
): Release {
    const services = { mongodb: "1 healthy", mx: "1 healthy", ...further.services };
    return {
        images: {
            mail: "registry.example.net/mail:1",
            mongodb: "mongo:8.0",
            redis: "redis:7.4",
            router: "nginx:1.28",
            ...further.images,
        },
        furtherImages: [],
        files: [
            {
                path: ".env",
                mode: "0400",
                owner: "mail",
                content: `DOMAIN=example.com\nHELPER_ENCRYPTION_KEY=${describedSecrets.helperEncryptionKey}\nTXT_ENCRYPTION_KEY="${describedSecrets.txtEncryptionKey}"\nAPI_SECRETS=${describedSecrets.apiSecret},\n${further.environment ?? ""}`,
            },
            {
                path: "ssl/dkim.key",
                mode: "0400",
                owner: "mail",
                content: describedSecrets.dkimPrivateKey,
            },
            {
                path: "nginx/nginx.conf",
                mode: "0444",
                owner: "router",
                content: "events {}\n",
            },
            ...(further.documents ?? []).map((name) => ({
                path: `nginx/documents/${name}`,
                mode: "0444" as const,
                owner: "router" as const,
                content: `${name}\n`,
            })),
            {
                path: "docker-compose-self-hosting.yml",
                mode: "0600",
                owner: "root",
                content: Object.entries(services)
                    .map(([name, line]) => `${name} ${line}\n`)
                    .join(""),
            },
        ],
        services: Object.keys(services),
        verify: [
            {
                port: 25,
                tls: "smtp-starttls",
                name: "mx.example.com",
                lineage: further.lineage ?? "example.com",
                service: "mx",
            },
        ],
        folders: [
            { path: "mongo-data", image: "mongodb" },
            { path: "sqlite-data", image: "mail" },
        ],
    };
}

export const changedRelease = describedRelease({ services: { mx: "2 healthy" } });
