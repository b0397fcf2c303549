import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { SystemDkim } from "../dns/system-dkim";
import { throwLateProblems, type Problem } from "../problem";
import { protectedBy } from "../protected-by";
import { valueFault } from "./environment-text";
import type { StackSecrets } from "./model";
import { withWaitingChildren } from "../waiting-children";

/** The keys that data is encrypted with. */
export interface DataKeys {
    /**
     * The key that encrypts what the databases hold, of a data volume that has data already: 32 characters. A new one
     * is made for a new volume.
     *
     * @default made once
     */
    helperEncryptionKey?: pulumi.Input<string>;
    /**
     * The key that encrypts what stands in TXT records, of a data volume that has data already: 32 characters.
     *
     * @default made once
     */
    txtEncryptionKey?: pulumi.Input<string>;
}

/** Characters of both keys, as the stack takes them. */
const keyLength = 32;

/**
 * Everything that is wrong with keys that are given; {@link StackKeys} looks at values that are known only later. A
 * volume's own keys may have other characters than those that are made here.
 */
export function dataKeyProblems(keys: DataKeys): Problem[] {
    return (["helperEncryptionKey", "txtEncryptionKey"] as const).flatMap((path) => {
        const key = keys[path];
        if (typeof key !== "string") return [];
        if (key.length !== keyLength) {
            return [
                {
                    path,
                    reason: `The value (not shown) has ${key.length} characters instead of ${keyLength}.`,
                    remedy: "Give the one that stands in the file .env of the data volume.",
                },
            ];
        }
        const fault = valueFault("text", key);
        return fault
            ? [{ path, reason: `The value (not shown) ${fault.wrong}.`, remedy: fault.remedy }]
            : [];
    });
}

export interface StackKeysArgs extends DataKeys {
    /**
     * Variables of the mail services that are secret: name → value.
     *
     * @default none
     */
    secretEnvironment?: Readonly<Record<string, pulumi.Input<string>>>;
    /** Guards the web site until its first administrator exists. */
    authBasicPassword: pulumi.Input<string>;
    /** Its signing key goes to the host. */
    dkim: Pick<SystemDkim, "privateKey">;
    /** Protects the keys that data is encrypted with from deletion. */
    protect: boolean;
}

/**
 * The secrets of the mail stack: made once and never again, so that what they encrypt can always be read. Those that
 * encrypt data are protected; a volume that has data brings its own.
 */
export class StackKeys extends pulumi.ComponentResource {
    /** All of them. Secret. */
    readonly secrets: pulumi.Output<StackSecrets>;

    constructor(name: string, args: StackKeysArgs, opts?: pulumi.ComponentResourceOptions) {
        super("mailhost:index:StackKeys", name, {}, withWaitingChildren(opts));
        const child = { parent: this };
        const lasting = { parent: this, ...protectedBy(args.protect) };
        // Letters and digits alone: the parsers of `.env` files differ in everything else.
        const letters = (key: string, options: pulumi.CustomResourceOptions) =>
            new random.RandomPassword(`${name}-${key}`, { length: 32, special: false }, options)
                .result;
        const hex = (key: string, length: number, options: pulumi.CustomResourceOptions) =>
            new random.RandomBytes(`${name}-${key}`, { length }, options).hex;

        // Made even where others are given: these are protected, so they could not go when others are given later.
        const madeHelperKey = letters("helper-encryption", lasting);
        const madeTxtKey = hex("txt-encryption", 16, lasting);
        const keys = pulumi
            .output({
                helperEncryptionKey: args.helperEncryptionKey ?? madeHelperKey,
                txtEncryptionKey: args.txtEncryptionKey ?? madeTxtKey,
            })
            .apply((known) => {
                // A volume that a key was used on holds it from then on: a wrong one has to be seen before.
                throwLateProblems(name, dataKeyProblems(known));
                return known;
            });

        this.secrets = pulumi.secret(
            pulumi
                .output({
                    helperEncryptionKey: keys.helperEncryptionKey,
                    txtEncryptionKey: keys.txtEncryptionKey,
                    srsSecret: letters("srs", child),
                    smtpTransportPassword: letters("smtp-transport", child),
                    webhookSignatureKey: hex("webhook-signature", 16, child),
                    apiSecret: hex("api", 32, child),
                    authBasicPassword: args.authBasicPassword,
                    dkimPrivateKey: args.dkim.privateKey,
                    environment: args.secretEnvironment ?? {},
                })
                .apply((secrets): StackSecrets => secrets),
        );
        this.registerOutputs({ secrets: this.secrets });
    }
}
