import type { Release, StackSecrets } from "./model";

/** Names of variables whose values are nobody's business, whatever they are. */
const secretName = /KEY|SECRET|PASS|TOKEN|CREDENTIAL|PRIVATE|AUTH/i;
/** Shorter values would hide ordinary words: `true`, a port. Secrets that are given as such are hidden from here on. */
const shortest = 4;
const shortestByName = 8;
/** An element of a secret list is hidden from here on: a shorter one may be a word that every log has. */
const shortestInList = 6;

/** What a variable may stand for besides a secret: a file, a name, a number, a flag. */
const harmless = /^(?:\/.*|true|false|\d{1,6}|[a-z0-9-]+(?:\.[a-z0-9-]+)+)$/i;

/**
 * The texts that are taken out of every log line that leaves the host: what is known to be a secret, and what has the
 * name of one in the release's `.env`.
 *
 * @param secrets of the release; without them names alone decide.
 * @returns without doubles and line breaks, in a fixed order.
 */
export function hiddenTexts(release: Release, secrets?: StackSecrets): string[] {
    const { environment: further = {}, ...known } = secrets ?? {};
    const given = [...Object.values(known), ...Object.values(further)].flatMap(lines);
    // Whatever the variable is called, and whatever an element looks like: somebody said that it is secret.
    const elements = given.flatMap(listed).filter((text) => text.length >= shortestInList);
    const environment = release.files.find(({ path }) => path === ".env")?.content ?? "";
    const named = environment.split("\n").flatMap((line) => {
        const [, name = "", value = ""] = /^([A-Za-z_]\w*)=(.*)$/.exec(line) ?? [];
        return secretName.test(name) ? parts(unquoted(value)) : [];
    });
    const keys = release.files
        .filter(({ path }) => path.endsWith(".key"))
        .flatMap(({ content }) => lines(content).filter((line) => !line.startsWith("-----")));
    const texts = [
        ...[...given.filter((text) => text.length >= shortest), ...elements].filter(
            (text) => !text.startsWith("-----"),
        ),
        ...[...named, ...keys].filter(
            (text) => text.length >= shortestByName && !harmless.test(text),
        ),
    ];
    return [...new Set(texts.flatMap(spellings))].sort();
}

const lines = (text: string) => text.split(/\r?\n/);

function unquoted(value: string): string {
    return /^(["'`])(.*)\1$/.exec(value.trim())?.[2] ?? value.trim();
}

/** The elements of a list as it is read, without the blanks around them. */
const listed = (value: string) => value.split(",").map((element) => element.trim());

/** A list of secrets is printed as one text, or one by one. */
const parts = (value: string) => [value, ...listed(value)];

/** How a program prints it: as it is, in JSON, in an address. */
function spellings(text: string): string[] {
    return [text, JSON.stringify(text).slice(1, -1), encodeURIComponent(wellFormed(text))];
}

/** A lone surrogate can't be part of an address. */
const wellFormed = (text: string) => text.replace(/[\ud800-\udfff]/gu, "\ufffd");
