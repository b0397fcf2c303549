/** What a host serves: with mailboxes, or forwarding alone. */
export const profiles = ["storage", "forwarding"] as const;
export type Profile = (typeof profiles)[number];

/** The images that the stack is made of. */
export const imageNames = ["mail", "mongodb", "redis", "router"] as const;
export type ImageName = (typeof imageNames)[number];

/** Whose files a service's container reads: the user of an image, found in the image, never assumed. */
export type FileOwner = "root" | "mail" | "router";

/** What is known only when a release is rendered. Every one of them is secret. */
export interface StackSecrets {
    /** Encrypts what the databases hold. Losing it loses the data. */
    helperEncryptionKey: string;
    /** Encrypts what stands in TXT records. */
    txtEncryptionKey: string;
    /** Signs rewritten return paths. */
    srsSecret: string;
    /** Password of the system's own mail at the submission service. */
    smtpTransportPassword: string;
    webhookSignatureKey: string;
    /** Authenticates the services to each other. */
    apiSecret: string;
    /** Guards the web site until its first administrator exists. */
    authBasicPassword: string;
    /** The system's DKIM key that signs, PEM. */
    dkimPrivateKey: string;
    /** Variables of the user's that are secret: name → value. */
    environment: Readonly<Record<string, string>>;
}

/** A file of a release. */
export interface ReleaseFile {
    /** Relative to the data volume's mount point, e.g. `.env`, `nginx/nginx.conf`. */
    path: string;
    /** Octal, four digits. */
    mode: "0400" | "0440" | "0444" | "0600" | "0644";
    owner: FileOwner;
    content: string;
}

/** A port that has to answer with the host's certificate before a release counts as good. */
export interface VerifiedPort {
    port: number;
    /** How TLS begins. */
    tls: "implicit" | "smtp-starttls";
    /** The name that is asked for (SNI), e.g. `mx.example.com`. */
    name: string;
    /** The lineage whose certificate has to answer, see `certificateLineages`. */
    lineage: string;
    /** The service to look at when it doesn't. */
    service: string;
}

/** Everything that a deployment places and starts; the secrets are filled in. */
export interface Release {
    /** Image references as they are pulled, without doubles: `name:tag@sha256:…`. */
    images: Readonly<Record<ImageName, string>>;
    /** Further images, of services that the user added. */
    furtherImages: readonly string[];
    /** In the order in which they are placed; `docker-compose-self-hosting.yml` last. */
    files: readonly ReleaseFile[];
    /** The services of the compose file. */
    services: readonly string[];
    verify: readonly VerifiedPort[];
    /** Folders of the data volume, with the image whose named user owns them. */
    folders: readonly { path: string; image: ImageName; user?: string }[];
}
