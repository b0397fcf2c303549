import { createHash } from "node:crypto";

/** How the last line of a whole script begins; the SHA-256 of everything before it follows. */
export const endMarker = "# mailhost: end of script ";

/**
 * Adds the end marker, without which the receiving command runs nothing.
 *
 * @param body whole lines.
 */
export function sealScript(body: string): string {
    return `${body}${endMarker}${createHash("sha256").update(body).digest("hex")}\n`;
}
