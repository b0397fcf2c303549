import { defaultImages, isPinned, parseImage } from "../components/stack/images";
import { imageNames, type ImageName } from "../components/stack/model";

/** Image → its reference; what isn't set is left out. */
export type Images = Readonly<Partial<Record<ImageName, string>>>;

/** What is asked for on the command line. */
export interface PinRequest {
    /** What shall be pinned, whatever is there. */
    chosen: Images;
    /** Whose tags are looked up again though they are pinned. */
    update: readonly ImageName[];
    /** What is pinned where nothing is set and chosen. @default {@link defaultImages} */
    defaults?: Readonly<Record<ImageName, string>>;
    /** Lets a database go to another major version, or back. */
    allowMajor: boolean;
}

/** What becomes of an image. */
export interface PlannedPin {
    image: ImageName;
    /** What the configuration has. */
    before?: string;
    /** The reference whose digest is looked up; absent: what the configuration has stays. */
    wanted?: string;
}

/**
 * Decides what is looked up: what was chosen, what has no digest yet, what isn't set, and of the pinned ones those that
 * shall be brought up to date. A pure function.
 *
 * @param configured what the stack's configuration has.
 * @throws Error with everything that stands against it, and what to do.
 */
export function planPins(configured: Images, request: PinRequest): PlannedPin[] {
    const problems: string[] = [];
    const pins = imageNames.map((image): PlannedPin => {
        const before = configured[image];
        const wanted = wantedReference(image, before, request);
        if (wanted === undefined) return { image, before };
        const problem =
            formProblem(image, wanted) ??
            (request.allowMajor ? undefined : versionProblem(image, before, wanted));
        if (problem !== undefined) problems.push(`${image}: ${problem}`);
        return { image, ...(before !== undefined && { before }), wanted };
    });
    if (problems.length > 0) {
        throw new Error(`Nothing was looked up or changed:\n  ${problems.join("\n  ")}`);
    }
    return pins;
}

function wantedReference(
    image: ImageName,
    before: string | undefined,
    { chosen, update, defaults = defaultImages }: PinRequest,
): string | undefined {
    if (chosen[image] !== undefined) return chosen[image];
    if (before === undefined) return defaults[image];
    if (!isPinned(before)) return before;
    return update.includes(image) ? withoutDigest(before) : undefined;
}

function formProblem(image: ImageName, wanted: string): string | undefined {
    const parsed = parseImage(wanted);
    if (parsed === undefined) {
        return `${JSON.stringify(wanted)} is not the reference of an image. Write it as registry/name:tag, the name in lower case.`;
    }
    if (parsed.tag !== undefined) return undefined;
    return image === "mail"
        ? "which release of the mail services? Name it, e.g. --mail-tag v1.2.3. The releases: https://github.com/forwardemail/forwardemail.net/releases"
        : `${wanted} has no tag. Name one, e.g. --image ${image}=${defaultImages[image]}`;
}

/** How a database takes another version; of the tag that it has. */
const versionRules: Partial<Record<ImageName, (tag: string) => string>> = {
    mongodb: (tag) =>
        "MongoDB starts only on data whose featureCompatibilityVersion is that of the major version before, or its own. " +
        "Go one major version at a time, after a backup and after setting it on the host to the version that runs now: " +
        `docker exec mongodb mongosh --eval 'db.adminCommand({ setFeatureCompatibilityVersion: "${compatibilityVersion(tag)}", confirm: true })'.`,
    redis: () =>
        "Redis reads no data that a newer version has written, so there is no way back without a backup: make one first.",
};

/** Why a database must not just change its version; undefined when it doesn't, or forwards within its major one. */
function versionProblem(
    image: ImageName,
    before: string | undefined,
    wanted: string,
): string | undefined {
    const rule = versionRules[image];
    if (rule === undefined || before === undefined) return undefined;
    const from = parseImage(before)?.tag ?? "none";
    const to = parseImage(wanted)?.tag ?? "none";
    if (from === to) return undefined;
    const old = versionOf(from);
    const next = versionOf(to);
    const what =
        old === undefined || next === undefined
            ? "may be another major version"
            : old.major !== next.major
              ? "is another major version"
              : next.minor < old.minor
                ? "is an older version"
                : undefined;
    if (what === undefined) return undefined;
    return `from tag ${from} to ${to} ${what}. ${rule(from)} Then run this again with --allow-major.`;
}

/** `8.0` of `8.0.4-noble`. A tag of a major version alone stands for its newest. */
function versionOf(tag: string): { major: number; minor: number } | undefined {
    const [, major, minor] = /^v?(\d+)(?:\.(\d+))?(?:[.-]|$)/.exec(tag) ?? [];
    if (major === undefined) return undefined;
    return { major: Number(major), minor: minor === undefined ? Infinity : Number(minor) };
}

/** The form that MongoDB takes: `8.0` of `8.0.4-noble`. */
function compatibilityVersion(tag: string): string {
    return /^v?(\d+\.\d+)/.exec(tag)?.[1] ?? "8.0";
}

/** `name:tag` of `name:tag@sha256:…`. */
export function withoutDigest(reference: string): string {
    return reference.replace(/@.*$/, "");
}
