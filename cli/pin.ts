import { InvalidArgumentError, Option, type Command } from "commander";
import { defaultImages, parseImage } from "../components/stack/images";
import { imageNames, type ImageName } from "../components/stack/model";
import type { LookUpDigests } from "./pin-lookup";
import { planPins, withoutDigest, type Images, type PinRequest, type PlannedPin } from "./pin-plan";
import { pulumiOutput, typedOn, type OnStack } from "./pulumi-output";

/** What is asked for on the command line. */
export interface PinOptions {
    /** The release of the mail services. */
    mailTag?: string;
    image?: Images;
    /** Which pinned images are looked up again; true: those that hold no data. Absent: what is pinned stays. */
    update?: readonly ImageName[] | true;
    allowMajor?: boolean;
    json?: boolean;
}

/** What `--update` takes where nothing is named: what holds no data. */
const withoutData: readonly ImageName[] = ["mail", "router"];

/** Adds the options of {@link PinOptions} to a command. */
export function withPinOptions(command: Command): Command {
    return command
        .description(
            "write the images into the stack's configuration by the digests that their tags stand for now; what is pinned stays unless it is named",
        )
        .option("--mail-tag <tag>", "the release of the mail services, e.g. v1.2.3")
        .addOption(
            new Option(
                "--image <name=reference>",
                `another image, e.g. mongodb=mongo:8.0; names: ${imageNames.join(", ")}`,
            ).argParser(readImage),
        )
        .addOption(
            new Option(
                "--update [names]",
                `pinned images to look up again, e.g. redis,router, or all; ${withoutData.join(" and ")} when none is named`,
            ).argParser(readNames),
        )
        .option("--allow-major", "let a database go to another major version, or back")
        .option("--json", "for scripts");
}

function readImage(text: string, before: Images = {}): Images {
    const [, name, reference] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (name === undefined || reference === undefined) {
        throw new InvalidArgumentError("Write a name and a reference, e.g. mongodb=mongo:8.0.");
    }
    return { ...before, [imageName(name)]: reference };
}

function readNames(text: string): readonly ImageName[] {
    if (text === "all") return imageNames;
    return text.split(",").map((name) => imageName(name.trim()));
}

function imageName(text: string): ImageName {
    const name = imageNames.find((known) => known === text);
    if (name !== undefined) return name;
    throw new InvalidArgumentError(`The images are ${imageNames.join(", ")}.`);
}

/** What an image had and has. */
interface Pinned {
    image: ImageName;
    before?: string;
    now: string;
}

/**
 * Pins the images of a stack by the digests that their registries have, and writes into its configuration what changed:
 * `mailhost:stack.images`. What is pinned already stays unless it is named.
 *
 * @returns the text to print.
 * @throws Error with what to do; the configuration is then as it was.
 */
export async function pin(
    options: PinOptions &
        OnStack & {
            lookUp: LookUpDigests;
            defaults?: PinRequest["defaults"];
            /** A line for the person who waits. */
            say: (line: string) => void;
        },
): Promise<string> {
    const { allowMajor = false, defaults = defaultImages, json, say } = options;
    const update = options.update === true ? withoutData : (options.update ?? []);
    const configured = await readImages(options);
    const chosen = chosenImages(options, { ...defaults, ...configured });
    const pins = planPins(configured, { chosen, update, defaults, allowMajor });
    const pinned = await lookUpAll(pins, options);

    const changed = pinned.filter(({ before, now }) => before !== now);
    if (changed.length > 0) {
        say(`writing ${changed.map(({ image }) => image).join(", ")} into the configuration`);
        const values = changed.flatMap(({ image, now }) => [
            "--plaintext",
            `mailhost:stack.images.${image}=${now}`,
        ]);
        await pulumiOutput(options, ["config", "set-all", "--path", ...values]);
    }
    return json ? pinDocument(pinned) : pinTable(pinned, typedOn(options, "preview"));
}

function chosenImages({ mailTag, image = {} }: PinOptions, present: Images): Images {
    if (mailTag === undefined) return image;
    if (image.mail !== undefined) {
        throw new Error(
            "--mail-tag and --image mail=… both say which mail image: give one of them.",
        );
    }
    if (!/^\w[\w.-]{0,127}$/.test(mailTag)) {
        throw new Error(
            `--mail-tag: ${JSON.stringify(mailTag)} is not a tag. Give it alone, e.g. v1.2.3.`,
        );
    }
    const name = parseImage(present.mail ?? "")?.name ?? defaultImages.mail;
    return { ...image, mail: `${name}:${mailTag}` };
}

async function lookUpAll(
    pins: readonly PlannedPin[],
    { lookUp, say }: { lookUp: LookUpDigests; say: (line: string) => void },
): Promise<Pinned[]> {
    const wanted = pins.flatMap((planned) => planned.wanted ?? []);
    for (const reference of wanted) say(`looking up ${reference}`);
    const found = await lookUp(wanted);
    /** Meaning → what was said of the first image that it concerns, and all of them. */
    const failures = new Map<string, { said?: string; images: string[] }>();
    const pinned = pins.flatMap(({ image, before, wanted }): Pinned[] => {
        if (wanted === undefined)
            return before === undefined ? [] : [{ image, before, now: before }];
        const result = found.get(wanted) ?? { error: "the look-up gave no answer" };
        if ("error" in result) {
            const { meaning, said } = lookUpFailure(result.error);
            const failure = failures.get(meaning) ?? { said, images: [] };
            failures.set(meaning, failure);
            failure.images.push(`${image} (${wanted})`);
            return [];
        }
        const now = `${withoutDigest(wanted)}@${result.digest}`;
        return [{ image, ...(before !== undefined && { before }), now }];
    });
    if (failures.size > 0) {
        const lines = [...failures].map(
            ([meaning, { said, images }]) =>
                `${images.join(", ")}: ${meaning}${said === undefined ? "" : ` (${said}).`}`,
        );
        throw new Error(`The configuration was not changed:\n  ${lines.join("\n  ")}`);
    }
    return pinned;
}

/** What a refusal means and what to do, by the status of the registry's answer. */
const refusals: readonly [status: RegExp, meaning: string][] = [
    [
        /^404/,
        "there is no such image or tag. Look at its registry which there are; mind a leading v",
    ],
    [
        /^40[13]/,
        "its registry gives it to nobody without a login, or has no such image. It has to be public: the host pulls it " +
            "without a login",
    ],
    [/^429/, "its registry's limit of requests is reached. Try again later"],
    [/^5/, "its registry fails. Try again later"],
];

/** What a failed look-up means and what to do; with what the provider said, where that is not all there is to tell. */
export function lookUpFailure(error: string): { meaning: string; said?: string } {
    const said = error
        .replace(/^[\s\S]*from registry: /, "")
        .replace(/^Bad credentials: /, "")
        .trim();
    const meaning = failureMeaning(said);
    return meaning === undefined ? { meaning: said } : { meaning, said };
}

function failureMeaning(said: string): string | undefined {
    if (/^error during registry request/i.test(said)) {
        return /certificate|x509/i.test(said)
            ? "its registry's certificate is not trusted here. Set SSL_CERT_FILE to a file with its authority"
            : "its registry can't be reached from this computer. Look at the network and its proxy, and try again";
    }
    if (/plugin/i.test(said)) {
        return "the docker provider can't be started. `pulumi install` in the project's folder fetches its plugin";
    }
    return refusals.find(([status]) => status.test(said))?.[1];
}

/** The images in the stack's configuration. What has another form is for the program to refuse. */
async function readImages(options: OnStack): Promise<Images> {
    const config = JSON.parse(await pulumiOutput(options, ["config", "--json"])) as Partial<
        Record<string, { objectValue?: { images?: Record<string, unknown> } }>
    >;
    const images = config["mailhost:stack"]?.objectValue?.images ?? {};
    return Object.fromEntries(
        imageNames.flatMap((name) => {
            const reference = images[name];
            return typeof reference === "string" ? [[name, reference] as const] : [];
        }),
    );
}

function pinDocument(pinned: readonly Pinned[]): string {
    const images: Record<string, object> = {};
    for (const { image, before = null, now } of pinned) {
        images[image] = { before, now, changed: before !== now };
    }
    return `${JSON.stringify({ images }, null, 2)}\n`;
}

function pinTable(pinned: readonly Pinned[], preview: string): string {
    const rows = pinned.map(({ image, before, now }) => [
        image,
        before === now ? "as before" : before === undefined ? "–" : short(before),
        short(now),
    ]);
    const table = [["IMAGE", "BEFORE", "NOW"], ...rows];
    const widths = [0, 1].map((column) =>
        Math.max(...table.map((row) => row[column]?.length ?? 0)),
    );
    const lines = table.map((row) =>
        `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd(),
    );
    const changed = pinned.some(({ before, now }) => before !== now);
    const end = changed
        ? `Now \`${preview}\` shows what an \`up\` would change.`
        : "Nothing changed.";
    return `${lines.join("\n")}\n\n${end}\n`;
}

/** The first twelve digits of a digest, as Docker shows them. */
function short(reference: string): string {
    return reference.replace(/(@sha256:[0-9a-f]{12})[0-9a-f]+$/, "$1…");
}
