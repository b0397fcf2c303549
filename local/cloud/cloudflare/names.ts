import { domainToASCII } from "node:url";
import { ApiError } from "./api-error";

const label = /^[a-z0-9_-]{1,63}$/;
const longestName = 253;

/** A name in lower-case ASCII without a trailing dot; undefined when it can't be one. */
export function asciiName(text: string): string | undefined {
    const bare = text.replace(/\.$/, "");
    // Only what needs it: the function refuses names that are valid in the DNS.
    const ascii = /^[\x21-\x7e]*$/.test(bare) ? bare.toLowerCase() : domainToASCII(bare);
    const valid = ascii.length <= longestName && ascii.split(".").every((part) => label.test(part));
    return valid ? ascii : undefined;
}

/** As {@link asciiName}, for a name that a record leads to: that of a host, not an address. `@` is the zone's own. */
export function targetName(text: string, zone: string): string | undefined {
    if (text === "@") return zone;
    const name = asciiName(text);
    return name !== undefined && !/(^|\.)[0-9]+$/.test(name) ? name : undefined;
}

/**
 * The full name of a record. As the real API, it takes any name that isn't below the zone for a short one: `@`, `mx`,
 * and `mx.example.org` in the zone example.com is `mx.example.org.example.com`.
 *
 * @throws ApiError 9000, code and message as clients' issues quote them.
 */
export function fullName(given: string, zone: string): string {
    if (given === "@") return zone;
    const wildcard = given.startsWith("*.") || given === "*";
    const rest = wildcard ? given.slice(2) : given;
    const short = rest === "" && wildcard ? zone : asciiName(rest);
    if (short !== undefined) {
        const inZone = short === zone || short.endsWith(`.${zone}`);
        const name = `${wildcard ? "*." : ""}${inZone ? short : `${short}.${zone}`}`;
        if (name.length <= longestName) return name;
    }
    throw new ApiError(400, { code: 9000, message: "DNS name is invalid." });
}
