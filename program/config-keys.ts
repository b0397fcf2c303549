import { z } from "zod";
import { secretDeliveries } from "../components/mail-host-arguments";

/**
 * What a key takes, and an example: shown when its value has another form. Both travel in zod's message, which names
 * only types.
 */
function form(wanted: string, example: string): { error: string } {
    return { error: `${wanted}\n${example}` };
}

/** The two parts that {@link form} put into a message. */
export function readForm(message: string): { wanted: string; example: string } {
    const [wanted = "", example = ""] = message.split("\n");
    return { wanted, example };
}

const text = z.string(form("a text", "Write one text, in quotes."));
const flag = z
    .union([z.boolean(), z.enum(["true", "false"])], form("true or false", "Write true or false."))
    .transform((value) => value === true || value === "true");
const wholeNumberForm = form("a whole number", "Write digits alone, e.g. 40.");
const wholeNumber = z
    .union([z.number(), z.string().regex(/^\d{1,15}$/, wholeNumberForm)], wholeNumberForm)
    .transform(Number);
const list = (example: string) =>
    z.array(text, form("a list of texts", `Write a list, e.g. [${example}].`));
const choice = <const T extends readonly [string, ...string[]]>(values: T) =>
    z.enum(values, form(values.join(" or "), `Choose ${values.join(" or ")}.`));

/** The settings below `mailhost:server`, named as the arguments of `hetzner(…)`. */
export const serverKeys = {
    provider: choice(["hetzner"]),
    type: text,
    location: text,
    sshAllowedCidrs: list('"203.0.113.0/24"'),
    image: z
        .union([z.string(), z.number()], form("a text", "Write one text, in quotes."))
        .transform(String),
    system: choice(["debian-13", "debian-12", "ubuntu-24.04", "ubuntu-22.04"]),
    volumeSizeGb: wholeNumber,
    authorizedKeys: list('"ssh-ed25519 AAAA… name"'),
    architecture: choice(["x86", "arm"]),
};

/** The keys of the namespace `mailhost`, named as the arguments of `MailHost`; secrets are never nested. */
export const mailHostKeys = {
    domain: text,
    email: text,
    server: z.record(
        z.string(),
        z.unknown(),
        form(
            "a group of settings",
            "Set each of its own, e.g. pulumi config set --path mailhost:server.type cax21.",
        ),
    ),
    protect: flag,
    authBasicUsername: text,
    rebootTime: text,
    debug: flag,
    secretDelivery: choice(secretDeliveries),
    cloudflareApiToken: text,
};
