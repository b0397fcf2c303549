/**
 * How the command `mailhost` is typed where the code is in this file: by the package's name where npm has installed it,
 * as JavaScript; by the script's, whose dashes npm needs, in a clone, where it runs as TypeScript.
 */
export function mailhostCommandOf(file: string): string {
    return file.endsWith(".ts") ? "npm run mailhost --" : "npx mailhost";
}

/** How a reader of this program's messages types the command `mailhost`. */
export const mailhostCommand = mailhostCommandOf(__filename);
