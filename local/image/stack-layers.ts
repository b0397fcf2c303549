import * as fs from "node:fs";
import * as path from "node:path";
import { run } from "../../cli/run-program";
import type { ImageName } from "../../components/stack/model";
import { ensureGoProgram } from "../go-programs/build";
import { bundleStandIn } from "../stack/bundle";
import type { StackRoot } from "./stack-root";
import { mongodbUser, redisUser, routerUser, type ImageUser } from "./stack-users";

/** What an image adds to the shared file system, before it is packed. */
interface Layer {
    user: ImageUser;
    /** Fills a folder with the files of root; those at `owned` are the user's in the image, with all below them. */
    write: (folder: string) => Promise<void> | void;
    /** Paths without a leading slash. */
    owned: readonly string[];
    config: ImageConfig;
}

/** As in the image that is stood in for. */
interface ImageConfig {
    user?: string;
    workingDir?: string;
    environment?: Readonly<Record<string, string>>;
    entrypoint: readonly string[];
    command: readonly string[];
    volumes?: readonly string[];
    ports?: readonly string[];
    stopSignal?: string;
    version: string;
}

const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The variable that a demanding release of the mail image wants. */
export const demandedVariable = "NEW_IN_V1_3";

/**
 * The mail image.
 *
 * @param fault `broken`: it starts as any other does, and its web service ends. `demanding`: it wants a variable that
 * those before did not know.
 */
export function mailLayer(user: ImageUser, version: string, fault?: "broken" | "demanding"): Layer {
    return {
        user,
        write: async (folder) => {
            const app = path.join(folder, "app");
            fs.mkdirSync(app);
            fs.mkdirSync(path.join(folder, "mnt", "sqlite_storage"), { recursive: true });
            await bundleStandIn(app, { version });
            if (fault === "broken") {
                fs.copyFileSync(containerFile("mail", "broken-web.js"), path.join(app, "web.js"));
            } else if (fault === "demanding") {
                fs.appendFileSync(path.join(app, ".env.schema"), `${demandedVariable}=\n`);
            }
            installEntrypoint(folder, "mail");
        },
        owned: ["app", "mnt/sqlite_storage"],
        config: {
            user: user.name,
            workingDir: "/app",
            environment: { NODE_ENV: "production", SELF_HOSTED: "true" },
            entrypoint: ["docker-entrypoint.sh"],
            command: ["node"],
            version,
        },
    };
}

/** The images beside the mail image. */
export const otherLayers: Record<Exclude<ImageName, "mail">, (report: Report) => Layer> = {
    mongodb: (report) => ({
        user: mongodbUser,
        write: async (folder) => {
            makeFolders(folder, ["data/db", "data/configdb"]);
            installEntrypoint(folder, "mongodb");
            installProgram(folder, "usr/bin/mongod", containerFile("mongodb", "mongod"));
            installProgram(
                folder,
                "usr/local/bin/ferretdb",
                await ensureGoProgram("ferretdb", report),
            );
        },
        owned: ["data/db", "data/configdb"],
        config: {
            environment: { HOME: "/data/db" },
            entrypoint: ["docker-entrypoint.sh"],
            command: ["mongod"],
            volumes: ["/data/db", "/data/configdb"],
            ports: ["27017/tcp"],
            version: "8.0",
        },
    }),
    redis: () => ({
        user: redisUser,
        write: (folder) => {
            makeFolders(folder, ["data"]);
            installEntrypoint(folder, "redis");
        },
        owned: ["data"],
        config: {
            workingDir: "/data",
            entrypoint: ["docker-entrypoint.sh"],
            command: ["redis-server"],
            volumes: ["/data"],
            ports: ["6379/tcp"],
            version: "7.4",
        },
    }),
    router: () => ({
        user: routerUser,
        write: (folder) => {
            makeFolders(folder, ["etc/nginx/conf.d", "var/log/nginx"]);
            installEntrypoint(folder, "router", "docker-entrypoint.sh");
            installProgram(folder, "usr/sbin/nginx", containerFile("router", "nginx"));
            const nginx = path.join(folder, "etc", "nginx");
            fs.copyFileSync(containerFile("router", "nginx.conf"), path.join(nginx, "nginx.conf"));
            fs.copyFileSync(
                containerFile("router", "default.conf"),
                path.join(nginx, "conf.d", "default.conf"),
            );
            const logs = path.join(folder, "var", "log", "nginx");
            fs.symlinkSync("/dev/stdout", path.join(logs, "access.log"));
            fs.symlinkSync("/dev/stderr", path.join(logs, "error.log"));
        },
        owned: [],
        config: {
            entrypoint: ["/docker-entrypoint.sh"],
            command: ["nginx", "-g", "daemon off;"],
            ports: ["80/tcp"],
            // Lets connections end.
            stopSignal: "SIGQUIT",
            version: "1.28",
        },
    }),
};

type Report = (line: string) => void;

function containerFile(...names: string[]): string {
    return path.join(__dirname, "containers", ...names);
}

function makeFolders(folder: string, names: readonly string[]): void {
    for (const name of names) fs.mkdirSync(path.join(folder, name), { recursive: true });
}

function installProgram(folder: string, target: string, source: string): void {
    const file = path.join(folder, target);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.copyFileSync(source, file);
    fs.chmodSync(file, 0o755);
}

function installEntrypoint(
    folder: string,
    name: string,
    target = "usr/local/bin/docker-entrypoint.sh",
): void {
    installProgram(folder, target, containerFile(name, "docker-entrypoint.sh"));
}

/**
 * Adds an image to an OCI layout that has the shared file system as `base`.
 *
 * @param tag its name in the layout.
 * @param work a folder that does not exist yet; it is gone afterwards.
 */
export async function addImage(
    args: { layout: string; root: StackRoot; tag: string; work: string },
    layer: Layer,
): Promise<void> {
    const { layout, root, tag, work } = args;
    const tree = path.join(work, "tree");
    const archive = path.join(work, "layer.tar");
    fs.mkdirSync(tree, { recursive: true });
    try {
        await layer.write(tree);
        writeUser(tree, root, layer.user);
        await pack(tree, archive, layer);
        const image = `${layout}:${tag}`;
        await run("umoci", ["tag", "--image", `${layout}:base`, tag]);
        await run("umoci", ["raw", "add-layer", "--image", image, archive]);
        await run("umoci", ["config", "--image", image, ...configOptions(layer.config)]);
    } finally {
        fs.rmSync(work, { recursive: true, force: true });
    }
}

function writeUser(tree: string, root: StackRoot, user: ImageUser): void {
    const { name, uid, gid, home, shell } = user;
    makeFolders(tree, ["etc"]);
    fs.writeFileSync(
        path.join(tree, "etc", "passwd"),
        `${root.passwd}${name}:x:${uid}:${gid}::${home}:${shell}\n`,
    );
    fs.writeFileSync(path.join(tree, "etc", "group"), `${root.group}${name}:x:${gid}:\n`);
}

/** The archive names owners and modes by itself, so that whoever runs this need not be root. */
async function pack(tree: string, archive: string, layer: Layer): Promise<void> {
    const tar = (mode: string, owner: { uid: number; gid: number }, ...rest: string[]) =>
        run("tar", [
            ...[mode, archive, "-C", tree, "--format=gnu", "--sort=name", "--mtime=@0"],
            ...["--numeric-owner", `--owner=${owner.uid}`, `--group=${owner.gid}`],
            ...["--mode=u+rwX,go+rX,go-w", ...rest],
        ]);
    const excluded = layer.owned.map((name) => `--exclude=./${name}`);
    await tar("-cf", { uid: 0, gid: 0 }, "--anchored", ...excluded, ".");
    if (layer.owned.length > 0) {
        await tar("-rf", layer.user, ...layer.owned.map((name) => `./${name}`));
    }
}

function configOptions(config: ImageConfig): string[] {
    const environment = { PATH: searchPath, ...config.environment };
    const option = (name: string, values: readonly string[]) =>
        values.flatMap((value) => [`--config.${name}`, value]);
    const one = (value: string | undefined) => (value === undefined ? [] : [value]);
    return [
        ...option("user", one(config.user)),
        ...option("workingdir", one(config.workingDir)),
        ...option(
            "env",
            Object.entries(environment).map(([name, value]) => `${name}=${value}`),
        ),
        ...option("entrypoint", config.entrypoint),
        ...option("cmd", config.command),
        ...option("volume", config.volumes ?? []),
        ...option("exposedports", config.ports ?? []),
        ...option("stopsignal", one(config.stopSignal)),
        ...option("label", [
            `org.opencontainers.image.version=${config.version}`,
            "org.opencontainers.image.description=A stand-in for rehearsals on one computer",
        ]),
    ];
}
