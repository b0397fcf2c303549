/** A way in which the stack is known to fail. */
export interface FailureCause {
    /** Extended regular expression (POSIX) of its sign in a container's state, its log or what compose says. */
    sign: string;
    /** What is wrong, a clause without its full stop. */
    cause: string;
    /** What to do, in a sentence. */
    mend: string;
}

/**
 * The signs of the known failures, the most telling first: a log often shows several, of which the others follow.
 * Written so that grep and JavaScript read them alike.
 */
export const failureCauses: readonly FailureCause[] = [
    {
        sign: "[Nn]o space left on device|ENOSPC|disk is full",
        cause: "a disk is full",
        mend: "Look at df -h and docker system df on the host; give the data volume or the server a larger disk.",
    },
    {
        sign: "exec format error|no matching manifest for",
        cause: "the image is made for another kind of processor",
        mend: "Set an image (stack.images) that is made for the server's, or take another type of server.",
    },
    {
        sign: "exit code 132|Illegal instruction|requires a CPU with AVX",
        cause: "MongoDB from 5.0 on needs a processor with AVX, which this server does not offer",
        mend: "Take a type of server whose processor has it.",
    },
    {
        sign: "out of memory: true|JavaScript heap out of memory|Cannot allocate memory",
        cause: "the service needs more memory than it is given",
        mend: "Give it more (stack.memory), or take a larger type of server.",
    },
    {
        sign: "exit code 137",
        cause: "the container was killed from outside: by an administrator, or because the whole host ran out of memory",
        mend: "Look at journalctl -k on the host for out-of-memory lines; take a larger type of server.",
    },
    {
        sign: "EADDRINUSE|[Aa]ddress already in use",
        cause: "another process has taken a port that the service needs",
        mend: "ss -ltnp on the host names it; stop and disable it.",
    },
    {
        sign: "listen EACCES|bind\\(\\) to [^ ]+ failed \\(13|EACCES[^/]*(:|port:? )(25|80|443|465|587|993|995)([^0-9]|$)",
        cause: "the kernel does not let an ordinary user bind ports below 1024",
        mend: "sysctl net.ipv4.ip_unprivileged_port_start has to say 25 on the host: remove what sets it otherwise in /etc/sysctl.d, then sysctl --system.",
    },
    {
        sign: "(EACCES|[Pp]ermission denied).*(/app/ssl/|\\.pem|dkim\\.key)|(/app/ssl/|\\.pem|dkim\\.key).*([Pp]ermission denied|EACCES)",
        cause: "the service's user can't read its certificate or its signing key",
        mend: "Run /usr/local/lib/mailhost/certificates install on the host, which gives them to it.",
    },
    {
        sign: "MISSING CONFIG VALUES",
        cause: "the service finds variables missing, or can't read its .env",
        mend: "Set those that it names (stack.environment); if it names many, look who owns .env on the host: it has to be the image's user.",
    },
    {
        sign: "(EACCES|EROFS|[Pp]ermission denied).*(/mnt/|/data)|SQLITE_CANTOPEN|unable to open database file|SQLITE_READONLY",
        cause: "the service's user can't write to its folder on the data volume",
        mend: "Compare the owner of the folder on the host with the user of the image; pulumi up sets it right when the images are the planned ones.",
    },
    {
        sign: "bad decrypt|ERR_CRYPTO_INVALID_KEYLEN|Invalid key length|Unsupported state or unable to authenticate data|file is not a database",
        cause: "the data is encrypted with another key",
        mend: "Set the keys that the data was made with: mailhost:helperEncryptionKey and mailhost:txtEncryptionKey.",
    },
    {
        sign: "featureCompatibilityVersion|UPGRADE PROBLEM|Wrong mongod version",
        cause: "the data belongs to another major version of MongoDB",
        mend: "Set stack.images.mongodb to the version before, and go up one major version at a time.",
    },
    {
        sign: "Can't handle RDB format version|Wrong signature trying to load DB",
        cause: "the data belongs to a newer version of Redis",
        mend: "Set stack.images.redis to the version before.",
    },
    {
        sign: "(ECONNREFUSED|ETIMEDOUT)[^0-9]*[0-9.:]*:?27017|MongoServerSelectionError|MongooseServerSelectionError",
        cause: "the service does not reach MongoDB",
        mend: "docker logs mongodb on the host says why it does not answer at 127.0.0.1:27017.",
    },
    {
        sign: "(ECONNREFUSED|ETIMEDOUT)[^0-9]*[0-9.:]*:?6379|MaxRetriesPerRequestError",
        cause: "the service does not reach Redis",
        mend: "docker logs redis on the host says why it does not answer at 127.0.0.1:6379.",
    },
    {
        sign: "shows another certificate than",
        cause: "the service serves a certificate that it read before it was renewed, or another process answers at that port",
        mend: "Restart the service on the host (docker restart NAME); ss -ltnp shows who listens.",
    },
    {
        sign: "CERT_HAS_EXPIRED|certificate has expired",
        cause: "a certificate has expired",
        mend: "Run mailhost renew on the host; journalctl -u mailhost-renew says why it was not renewed.",
    },
    {
        sign: "\\[emerg\\]|host not found in upstream",
        cause: "nginx does not take its configuration",
        mend: "Look at what was changed of it (stack.services) and at the line that it names.",
    },
    {
        sign: "bind source path does not exist|invalid mount config|not a directory.*mount|Are you trying to mount a directory",
        cause: "a file or folder that the service mounts is not on the host",
        mend: "Look at the mounts that were added (stack.services); folders of the plan are made by pulumi up.",
    },
    {
        sign: "Cannot find module|executable file not found|MODULE_NOT_FOUND|no such file or directory: unknown",
        cause: "the image does not hold the program that is to be started",
        mend: "Look whether stack.images names the right image and a whole tag of it.",
    },
    {
        sign: "[Nn]o such image",
        cause: "an image of the release is no longer on the host, as after docker image prune --all",
        mend: "docker pull it there, by the name that mailhost logs stack shows, then systemctl restart mailhost-stack.",
    },
    {
        sign: "ENOTFOUND|EAI_AGAIN",
        cause: "the host does not resolve a name",
        mend: "Try getent hosts NAME on the host and look at its name servers (/etc/resolv.conf).",
    },
];

/** The table as scripts on the host read it: sign, cause and mend, with tabs between them. */
export function causesTable(): string {
    return failureCauses.map(({ sign, cause, mend }) => `${sign}\t${cause}\t${mend}\n`).join("");
}
