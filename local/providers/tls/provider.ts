import { resource, type Provider } from "../handler";
import { installedVersion } from "../installed-version";
import { makeKey } from "./private-key";

const privateKey = resource({
    inputs: {
        algorithm: {
            type: "string",
            required: true,
            values: ["RSA", "ECDSA", "ED25519"],
            replaces: true,
        },
        ecdsaCurve: {
            type: "string",
            values: ["P224", "P256", "P384", "P521"],
            default: "P224",
            replaces: true,
        },
        rsaBits: { type: "integer", default: 2048, replaces: true },
    },
    outputs: {
        privateKeyOpenssh: { type: "string", secret: true },
        privateKeyPem: { type: "string", secret: true },
        privateKeyPemPkcs8: { type: "string", secret: true },
        publicKeyFingerprintMd5: { type: "string" },
        publicKeyFingerprintSha256: { type: "string" },
        publicKeyOpenssh: { type: "string" },
        publicKeyPem: { type: "string" },
    },
    check: ({ algorithm, rsaBits }) => ({
        failures:
            algorithm === "RSA" && typeof rsaBits === "number" && rsaBits < 1024
                ? [{ path: "rsaBits", reason: `${rsaBits}-bit keys are insecure: at least 1024` }]
                : [],
    }),
    create(inputs) {
        const { id, ...key } = makeKey(inputs);
        return { id, outputs: { ...inputs, ...key } };
    },
});

/** The simulated tls provider: real keys, in the real one's forms. Of its resources it has PrivateKey alone. */
export const tlsProvider: Provider = {
    name: "tls",
    version: installedVersion("tls"),
    config: {
        proxy: { type: "any", refused: "The simulated tls provider fetches nothing: no proxy." },
    },
    resources: { "tls:index/privateKey:PrivateKey": privateKey },
    functions: {},
};
