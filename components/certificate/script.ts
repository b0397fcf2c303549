import { withInput } from "../host/here-document";
import { scriptHead } from "../host/script";
import { sealScript } from "../host/seal";
import { hostTemplate } from "../host/template";
import { pemCertificates } from "./authorities";
import type { CertificatePlan } from "./plan";

/** What the host's script for certificates goes by, a setting a line; no secrets. */
export function renderDescription(plan: CertificatePlan): string {
    const { authority, email, lineages, propagationSeconds } = plan;
    return [
        `directory ${authority.directoryUrl}`,
        `email ${email}`,
        `propagation ${propagationSeconds}`,
        ...lineages.map(({ name, names }) => `lineage ${[name, ...names].join(" ")}`),
        "",
    ].join("\n");
}

/**
 * The script that is sent: writes what the host goes by, and obtains what is missing. Nothing in it depends on how the
 * host does that, so that a newer version of this package alone asks for nothing.
 *
 * @param token stands in a here-document only, which nothing prints.
 * @returns a whole script, whose last line is the end marker.
 * @throws Error when the token has more than one line; it is not in the message.
 */
export function renderCertificateScript(plan: CertificatePlan, token: string): string {
    if (!/^[!-~]+$/.test(token)) {
        throw new Error(
            "cloudflareApiToken: The value (not shown) is not a token of Cloudflare: those have 40 or more of A-Z, a-z, 0-9, _ and -.",
        );
    }
    const { ca } = plan;
    const write = (file: string, mode: string, content: string) =>
        `${withInput(["write_whole", file, mode], content)}\n`;
    return sealScript(
        [
            scriptHead,
            hostTemplate("certificates-settings.sh"),
            write("/root/.cloudflare.ini", "0600", `dns_cloudflare_api_token = ${token}\n`),
            ca === undefined
                ? "rm -f /etc/mailhost/acme-ca.pem\n"
                : write("/etc/mailhost/acme-ca.pem", "0644", pemCertificates(ca).join("")),
            write("/etc/mailhost/certificates", "0644", renderDescription(plan)),
            "obtain_certificates\n",
        ].join(""),
    );
}
