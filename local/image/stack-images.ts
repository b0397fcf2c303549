import * as fs from "node:fs";
import * as path from "node:path";
import { imageNames, type ImageName } from "../../components/stack/model";
import { cacheRoot, projectRoot } from "../paths";
import { cachedFolder, hashFiles } from "./stack-cache";
import { addImage, mailLayer, otherLayers } from "./stack-layers";
import { openRegistry } from "./stack-registry";
import { buildStackRoot, stackRootHash } from "./stack-root";
import { mailUser } from "./stack-users";

/** An image as a registry has it, without the registry's name: `repository:tag@digest`. */
export interface StackImage {
    /** E.g. `library/mongo`. */
    repository: string;
    tag: string;
    /** `sha256:` and 64 hexadecimal digits, of the manifest. */
    digest: string;
}

/** What the stack of a rehearsal runs, and the registry's storage that has it. */
export interface StackImageSet {
    /** The root of a docker-registry's file system storage. To be served read-only: others may serve it as well. */
    storage: string;
    images: Record<ImageName, StackImage>;
    /** The mail image's next release. */
    upgrade: StackImage;
    /** A release of the mail image whose web service ends soon after its start. */
    broken: StackImage;
    /** A release of the mail image that wants a variable which those before did not know. */
    demanding: StackImage;
}

const mailRepository = "forwardemail/forwardemail.net-selfhosted";

/** The mail image's other releases. */
const otherReleases = ["upgrade", "broken", "demanding"] as const;

/** Where each image stands. */
const places: Record<ImageName | (typeof otherReleases)[number], Omit<StackImage, "digest">> = {
    mail: { repository: mailRepository, tag: "v1.0.0" },
    upgrade: { repository: mailRepository, tag: "v1.1.0" },
    broken: { repository: mailRepository, tag: "v1.2.0-broken" },
    demanding: { repository: mailRepository, tag: "v1.3.0-demanding" },
    mongodb: { repository: "library/mongo", tag: "8.0" },
    redis: { repository: "library/redis", tag: "7.4" },
    router: { repository: "library/nginx", tag: "1.28" },
};

/**
 * Builds the images that the stack is rehearsed with, and a registry's storage that holds them; or returns what was built
 * before from the same inputs. The mail image is the stand-in, MongoDB is FerretDB, the others are Debian's programs under
 * upstream's users, entry points and settings.
 *
 * @param options.onProgress gets a line for each phase.
 * @throws Error when a download fails or a tool is missing: with the tool's last lines.
 */
export async function buildStackImages(
    options: { onProgress?: (line: string) => void } = {},
): Promise<StackImageSet> {
    const report = options.onProgress ?? (() => undefined);
    const folder = await cachedFolder({
        parent: path.join(cacheRoot, "stack-images"),
        hash: inputsHash(),
        title: "the stack's images",
        // The sets before: a laptop cloud that still runs may serve one of them.
        keep: 3,
        build: (building) => build(building, report),
        report,
    });
    const digests = JSON.parse(
        fs.readFileSync(path.join(folder, "digests.json"), "utf8"),
    ) as Record<keyof typeof places, string>;
    const image = (name: keyof typeof places) => ({ ...places[name], digest: digests[name] });
    return {
        storage: path.join(folder, "storage"),
        images: {
            mail: image("mail"),
            mongodb: image("mongodb"),
            redis: image("redis"),
            router: image("router"),
        },
        upgrade: image("upgrade"),
        broken: image("broken"),
        demanding: image("demanding"),
    };
}

/** Covers everything that decides what the images hold, save Debian's own updates. */
function inputsHash(): string {
    const own = ["stack-images.ts", "stack-layers.ts", "stack-users.ts", "stack-registry.ts"];
    return hashFiles(
        [
            ...own.map((name) => path.join(__dirname, name)),
            path.join(__dirname, "containers"),
            path.join(projectRoot, "local", "stack"),
            path.join(projectRoot, "local", "go-programs", "ferretdb"),
            // The versions of what the stand-in is bundled with.
            path.join(projectRoot, "package-lock.json"),
        ],
        stackRootHash(),
    );
}

async function build(folder: string, report: (line: string) => void): Promise<void> {
    const root = await buildStackRoot(report);
    const work = path.join(folder, "work");
    const layout = path.join(work, "layout");
    fs.mkdirSync(work);
    fs.cpSync(root.layout, layout, { recursive: true });
    const user = mailUser();
    const layers = {
        mail: mailLayer(user, places.mail.tag),
        upgrade: mailLayer(user, places.upgrade.tag),
        broken: mailLayer(user, places.broken.tag, "broken"),
        demanding: mailLayer(user, places.demanding.tag, "demanding"),
        mongodb: otherLayers.mongodb(report),
        redis: otherLayers.redis(report),
        router: otherLayers.router(report),
    };
    const names = [...imageNames, ...otherReleases] as const;
    for (const name of names) {
        report(`packing the image ${places[name].repository}:${places[name].tag}`);
        await addImage({ layout, root, tag: name, work: path.join(work, name) }, layers[name]);
    }
    report("filling the image registry");
    const registry = await openRegistry({ storage: path.join(folder, "storage"), work });
    const digests: Partial<Record<keyof typeof places, string>> = {};
    try {
        for (const name of names) {
            const { repository, tag } = places[name];
            digests[name] = await registry.push(`${layout}:${name}`, repository, tag);
        }
    } finally {
        await registry.close();
    }
    fs.writeFileSync(path.join(folder, "digests.json"), JSON.stringify(digests));
    fs.rmSync(work, { recursive: true });
}
