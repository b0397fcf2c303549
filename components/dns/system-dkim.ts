import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { throwProblems, type Problem } from "../problem";
import { protectedBy } from "../protected-by";
import { withWaitingChildren } from "../waiting-children";

/** Which of the system's DKIM keys there are, and which one signs. */
export interface SystemDkimSelectors {
    /**
     * Selectors of the keys that are published, each one label of lower-case letters, digits and inner hyphens.
     *
     * @default ["default"]
     */
    selectors?: readonly string[];
    /**
     * The selector of the key that signs.
     *
     * @default the first of `selectors`
     */
    signing?: string;
}

/** Arguments of {@link SystemDkim}. */
export interface SystemDkimArgs extends SystemDkimSelectors {
    /**
     * Protects the keys from deletion.
     *
     * @default true
     */
    protect?: boolean;
}

/** The value of every argument that is left out. */
export const systemDkimDefaults = { selectors: ["default"], protect: true } as const;

/** Everything that is wrong with the selectors. `path` stands before each argument, e.g. `systemDkim`. */
export function systemDkimProblems(path: string, args: SystemDkimSelectors): Problem[] {
    const selectors = args.selectors ?? systemDkimDefaults.selectors;
    const problems: Problem[] = [];
    if (selectors.length === 0) {
        problems.push({
            path: `${path}.selectors`,
            reason: "The list is empty: without a key nothing can be signed.",
            remedy: 'Give one selector, e.g. "default".',
        });
    }
    selectors.forEach((selector, index) => {
        const at = `${path}.selectors[${index}]`;
        if (!/^(?!-)[a-z0-9-]{1,63}(?<!-)$/.test(selector)) {
            problems.push({
                path: at,
                reason: `${JSON.stringify(selector)} is not a selector that is one label of a name.`,
                remedy: "Use 1 to 63 lower-case letters, digits and inner hyphens, e.g. s2027.",
            });
        } else if (selectors.indexOf(selector) < index) {
            problems.push({
                path: at,
                reason: `${JSON.stringify(selector)} stands in the list twice.`,
                remedy: "Remove one of the two.",
            });
        }
    });
    if (args.signing !== undefined && !selectors.includes(args.signing)) {
        problems.push({
            path: `${path}.signing`,
            reason: `${JSON.stringify(args.signing)} is not one of the selectors (${selectors.join(", ")}): what it signed could not be verified.`,
            remedy: `Add it to ${path}.selectors, or let another key sign first.`,
        });
    }
    return problems;
}

/**
 * The system's own DKIM key: an RSA key of 2048 bits for each selector, made once and kept in the program's state
 * (RFC 6376, RFC 8301 §3.2). It signs what the host itself sends; each domain's mail is signed by the domain's own key.
 *
 * A key is replaced in three steps, each an `up` of its own, so that a signature can be verified at any time:
 * 1. Publish a new one beside it: `selectors: ["default", "s2027"], signing: "default"`.
 * 2. Once the record can be seen everywhere (its time to live), sign with it: `signing: "s2027"`.
 * 3. When no mail signed by the old one is on its way any more (a week), drop it: `selectors: ["s2027"]`. While keys
 *    are protected, allow it first: `pulumi state unprotect`.
 *
 * @throws InputPropertiesError with everything that is wrong with the arguments, before anything is made.
 */
export class SystemDkim extends pulumi.ComponentResource {
    /** Selector → public key, base64 of its SubjectPublicKeyInfo: what follows `p=` in the record. */
    readonly publicKeys: Readonly<Record<string, pulumi.Output<string>>>;
    /** The selector of the key that signs. */
    readonly selector: pulumi.Output<string>;
    /** The key that signs, PEM. Secret. */
    readonly privateKey: pulumi.Output<string>;

    constructor(name: string, args: SystemDkimArgs = {}, opts?: pulumi.ComponentResourceOptions) {
        throwProblems(name, systemDkimProblems("systemDkim", args));
        super("mailhost:index:SystemDkim", name, {}, withWaitingChildren(opts));
        const selectors = args.selectors ?? systemDkimDefaults.selectors;
        const signing = args.signing ?? selectors[0];
        const keys = selectors.map((selector) => ({
            selector,
            key: new tls.PrivateKey(
                `${name}-${selector}`,
                { algorithm: "RSA", rsaBits: 2048 },
                { parent: this, ...protectedBy(args.protect ?? systemDkimDefaults.protect) },
            ),
        }));
        this.publicKeys = Object.fromEntries(
            keys.map(({ selector, key }) => [selector, key.publicKeyPem.apply(withoutArmor)]),
        );
        this.selector = pulumi.output(signing ?? "");
        this.privateKey = pulumi.secret(
            pulumi.output(
                keys.find(({ selector }) => selector === signing)?.key.privateKeyPem ?? "",
            ),
        );
        this.registerOutputs({
            publicKeys: this.publicKeys,
            selector: this.selector,
            privateKey: this.privateKey,
        });
    }
}

/** The base64 text of a PEM block. */
function withoutArmor(pem: string): string {
    return pem.replace(/-----[A-Z ]+-----/g, "").replace(/\s/g, "");
}
