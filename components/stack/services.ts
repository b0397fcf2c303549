import type { ImageName, Profile } from "./model";
import { memoryLimitMb, mongodbCacheGb, redisDataMb } from "./memory";
import { keyFolder, storageFolder } from "./variables";

/** How a container is found to work. */
export interface HealthCheck {
    /** Run in the container, without a shell. */
    command: readonly string[];
    intervalSeconds: number;
    timeoutSeconds: number;
    /** Failures in a row that make the service unhealthy. */
    retries: number;
    /** Failures after its start don't count for so long. */
    startPeriodSeconds: number;
    /** Until it is healthy for the first time within that period, it is checked this often (Docker 25 and newer). */
    startIntervalSeconds: number;
}

/** A folder or file of the host in a container. */
export interface Mount {
    /** Relative to the data volume's mount point, or absolute. It has to exist: nothing makes it in passing. */
    source: string;
    target: string;
    readOnly: boolean;
}

export interface Dependency {
    service: string;
    condition: "started" | "healthy";
}

/** A service of the stack, as plain data. Nothing in it but `listens` assumes that all services share a host. */
export interface Service {
    /** Also the container's name. */
    name: string;
    /** One of the stack's images, or the reference of another. */
    image: { name: ImageName } | { reference: string };
    /** Replaces the image's own, with an empty command. */
    entrypoint?: readonly string[];
    command?: readonly string[];
    /** Its own name: what a mail server says in EHLO. */
    hostname?: string;
    /** A user of the image by name; undefined: the image's own. */
    user?: string;
    environment: Readonly<Record<string, string>>;
    /** Whether it reads the stack's `.env`, the certificate and the system's signing key. */
    readsEnvironmentFile: boolean;
    /** TCP ports that it binds. */
    listens: readonly number[];
    /** Those of them that everyone may reach. */
    open: readonly number[];
    mounts: readonly Mount[];
    /** Folders in memory, with their size in MiB. */
    temporary: readonly { path: string; sizeMb: number }[];
    /** Whether the image's own files can't be written to. */
    readOnly: boolean;
    healthCheck?: HealthCheck;
    /** Whether a check that the image has is off. Only without one of its own. */
    ignoresImageCheck?: true;
    dependsOn: readonly Dependency[];
    /** Linux capabilities; every other is dropped. */
    capabilities: readonly string[];
    /** How long it may take to stop before it is killed. */
    stopGraceSeconds: number;
    /** @default the image's own */
    stopSignal?: string;
    /** Limit in MiB. */
    memoryMb?: number;
    /** How it gets to use a renewed certificate; undefined: it has none. */
    certificate?: "restart" | "reload";
}

/** What decides which services there are, and how they run. */
export interface ServicesContext {
    /** The primary domain. */
    domain: string;
    profile: Profile;
    startTlsSubmission: boolean;
    /** The host's memory in MiB. */
    memoryMb?: number;
    /** Limits in MiB that the user gives: service → MiB. */
    memory?: Readonly<Record<string, number>>;
}

/** Names that the services use for each other: they are on the host itself, whatever DNS says. */
export function loopbackNames(domain: string): string[] {
    const labels = ["api", "caldav", "carddav", "imap", "pop3", "smtp", "sqlite"];
    return [domain, ...labels.map((label) => `${label}.${domain}`)];
}

const longest = { intervalSeconds: 30, timeoutSeconds: 10, retries: 3, startPeriodSeconds: 180 };

/** @param awaited whether other services wait for it. */
function check(command: readonly string[], awaited = false): HealthCheck {
    return { command, ...longest, startIntervalSeconds: awaited ? 1 : 3 };
}

const listening = (port: number, awaited = false) =>
    check(["nc", "-z", "127.0.0.1", String(port)], awaited);

const request = (url: string) => ["curl", "-ks", "-o", "/dev/null", "--max-time", "8", url];

/** Any answer but an error of the server: before the first administrator exists, it is a request to log in. */
const answering = (url: string) =>
    check([
        ...["bash", "-c", 'case $("$@") in [234]??) ;; *) exit 1 ;; esac', "check"],
        ...request(url),
        ...["-w", "%{http_code}"],
    ]);

const succeeding = (url: string) => check([...request(url), "-f"]);

const ssl: Mount = { source: "ssl", target: keyFolder, readOnly: true };
const environmentFile: Mount = { source: ".env", target: "/app/.env", readOnly: true };
const mailboxes: Mount = {
    source: "sqlite-data",
    target: `/mnt/${storageFolder}`,
    readOnly: false,
};

const databases: readonly Dependency[] = [
    { service: "mongodb", condition: "healthy" },
    { service: "redis", condition: "healthy" },
];
const afterHealthy = (service: string): readonly Dependency[] => [
    ...databases,
    { service, condition: "healthy" },
];

type NodeService = Pick<Service, "name"> &
    Partial<Pick<Service, "hostname" | "listens" | "open" | "healthCheck" | "certificate">> &
    Partial<Pick<Service, "dependsOn" | "environment">> & { script: string; storage?: true };

/** A service of the mail image. */
function nodeService({ script, storage, ...service }: NodeService): Service {
    return {
        image: { name: "mail" },
        command: ["node", script],
        environment: {},
        readsEnvironmentFile: true,
        listens: [],
        open: [],
        mounts: [environmentFile, ssl, ...(storage ? [mailboxes] : [])],
        temporary: [],
        // What it writes beside its data is not known.
        readOnly: false,
        dependsOn: databases,
        capabilities: [],
        stopGraceSeconds: 30,
        ...service,
    };
}

function mailServices({ domain, startTlsSubmission }: ServicesContext): Service[] {
    // The name in EHLO has to be the one that the address has in DNS.
    const hostname = `mx.${domain}`;
    const submission = (name: string, port: number) => ({
        name,
        script: "smtp.js",
        hostname,
        listens: [port],
        open: [port],
        healthCheck: listening(port, true),
        certificate: "restart" as const,
    });
    return [
        nodeService(submission("smtp", 465)),
        ...(startTlsSubmission
            ? [
                  nodeService({
                      ...submission("smtp_starttls", 587),
                      // What the container is given outranks the file.
                      environment: { SMTP_PORT: "587" },
                  }),
              ]
            : []),
        nodeService({
            name: "mx",
            script: "mx.js",
            hostname,
            storage: true,
            listens: [25],
            open: [25],
            healthCheck: listening(25),
            certificate: "restart",
        }),
        nodeService({ name: "bree", script: "bree.js", hostname }),
        nodeService({
            name: "smtp_bree",
            script: "smtp-bree.js",
            hostname,
            dependsOn: afterHealthy("smtp"),
        }),
    ];
}

function webServices({ domain }: ServicesContext): Service[] {
    return [
        nodeService({
            name: "web",
            script: "web.js",
            hostname: domain,
            listens: [3000],
            healthCheck: answering("https://127.0.0.1:3000/"),
            dependsOn: afterHealthy("smtp"),
            certificate: "restart",
        }),
        nodeService({
            name: "api",
            script: "api.js",
            hostname: `api.${domain}`,
            listens: [4000],
            healthCheck: succeeding("https://127.0.0.1:4000/v1/test"),
            dependsOn: afterHealthy("smtp"),
            certificate: "restart",
        }),
    ];
}

function storageServices({ domain }: ServicesContext): Service[] {
    const mailbox = (name: string, port: number) =>
        nodeService({
            name,
            script: `${name}.js`,
            hostname: `${name}.${domain}`,
            storage: true,
            listens: [port],
            open: [port],
            healthCheck: listening(port),
            dependsOn: afterHealthy("sqlite"),
            certificate: "restart",
        });
    const dav = (name: string, port: number) =>
        nodeService({
            name,
            script: `${name}.js`,
            hostname: `${name}.${domain}`,
            listens: [port],
            healthCheck: listening(port),
            dependsOn: afterHealthy("sqlite"),
            certificate: "restart",
        });
    return [
        nodeService({
            name: "sqlite",
            script: "sqlite.js",
            hostname: `sqlite.${domain}`,
            storage: true,
            listens: [3456],
            healthCheck: listening(3456, true),
            dependsOn: afterHealthy("smtp"),
            certificate: "restart",
        }),
        nodeService({
            name: "sqlite_bree",
            script: "sqlite-bree.js",
            hostname: `sqlite.${domain}`,
            storage: true,
            dependsOn: afterHealthy("sqlite"),
        }),
        mailbox("imap", 993),
        mailbox("pop3", 995),
        dav("caldav", 5000),
        dav("carddav", 6000),
    ];
}

/** What the services of the databases and the router have in common. */
const notOfMailImage = {
    environment: {},
    readsEnvironmentFile: false,
    open: [],
    readOnly: true,
    dependsOn: [],
    capabilities: [],
} as const;

function mongodb(limitMb: number | undefined): Service {
    return {
        ...notOfMailImage,
        name: "mongodb",
        image: { name: "mongodb" },
        // Left to itself, the image binds every address.
        command: [
            ...["mongod", "--bind_ip", "127.0.0.1"],
            ...["--wiredTigerCacheSizeGB", String(mongodbCacheGb(limitMb))],
        ],
        user: "mongodb",
        listens: [27017],
        mounts: [
            { source: "mongo-data", target: "/data/db", readOnly: false },
            { source: "mongo-backups", target: "/backups", readOnly: false },
        ],
        temporary: [
            { path: "/tmp", sizeMb: 64 },
            // The image declares a volume here, which would be left behind with each container.
            { path: "/data/configdb", sizeMb: 1 },
        ],
        // Its own shell takes seconds of processor time for each look.
        healthCheck: check(["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/27017"], true),
        stopGraceSeconds: 60,
    };
}

/**
 * A data folder without an append-only file has one made from its snapshot first: Redis starts empty otherwise, and
 * soon writes that over the snapshot (the format of Redis 7 and newer).
 */
const redisStart = `if [ -f dump.rdb ] && [ ! -d appendonlydir ]; then
    rm -rf appendonlydir.new
    mkdir appendonlydir.new
    cp dump.rdb appendonlydir.new/appendonly.aof.1.base.rdb
    echo 'file appendonly.aof.1.base.rdb seq 1 type b' >appendonlydir.new/appendonly.aof.manifest
    sync
    mv appendonlydir.new appendonlydir
fi
exec redis-server "$@"`;

function redis(limitMb: number | undefined): Service {
    const dataMb = redisDataMb(limitMb);
    return {
        ...notOfMailImage,
        name: "redis",
        image: { name: "redis" },
        command: [
            ...["sh", "-euc", redisStart, "redis-server"],
            ...["--bind", "127.0.0.1", "--protected-mode", "yes", "--dir", "/data"],
            ...["--appendonly", "yes"],
            // What it holds is work that is still to be done, so nothing is dropped: writing fails when it is full.
            ...["--maxmemory-policy", "noeviction"],
            ...(dataMb === undefined ? [] : ["--maxmemory", `${dataMb}mb`]),
        ],
        user: "redis",
        listens: [6379],
        mounts: [{ source: "redis-data", target: "/data", readOnly: false }],
        temporary: [{ path: "/tmp", sizeMb: 16 }],
        // An answer that is an error, as while it loads, fails the command.
        healthCheck: check(["redis-cli", "-h", "127.0.0.1", "-e", "ping"], true),
        stopGraceSeconds: 60,
    };
}

/** Where the router finds its configuration, the documents and the certificates. */
export const routerFolder = "/etc/nginx/mailhost";

function router({ domain }: ServicesContext): Service {
    const name = `mx.${domain}`;
    return {
        ...notOfMailImage,
        name: "sni-router",
        image: { name: "router" },
        // The image's own start writes to its configuration.
        entrypoint: ["nginx", "-e", "stderr", "-c", `${routerFolder}/nginx.conf`],
        command: ["-g", "daemon off;"],
        user: "nginx",
        listens: [80, 443, 8443],
        open: [80, 443],
        mounts: [{ source: "nginx", target: routerFolder, readOnly: true }],
        temporary: [{ path: "/tmp", sizeMb: 16 }],
        // Through the routing by name, with the host's own certificate, without any other service.
        healthCheck: check([
            ...["curl", "-ksf", "-o", "/dev/null", "--max-time", "8"],
            ...["--resolve", `${name}:443:127.0.0.1`, `https://${name}/`],
        ]),
        // At once: while it waits for open connections to end, it takes no new ones.
        stopSignal: "SIGTERM",
        stopGraceSeconds: 10,
        certificate: "reload",
    };
}

/** The services of the stack, in the order in which they start; those of the user are apart. */
export function stackServices(context: ServicesContext): Service[] {
    const limit = (name: string) => memoryLimitMb(name, context.memoryMb, context.memory?.[name]);
    const services = [
        mongodb(limit("mongodb")),
        redis(limit("redis")),
        router(context),
        ...mailServices(context),
        ...webServices(context),
        ...(context.profile === "storage" ? storageServices(context) : []),
    ];
    return services.map((service) => {
        const memoryMb = limit(service.name);
        return memoryMb === undefined ? service : { ...service, memoryMb };
    });
}
