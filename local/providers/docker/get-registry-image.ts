import { providerFunction } from "../handler";
import { parseImageName } from "./image-name";
import { imageDigest } from "./registry";
import { loginsFrom } from "./registry-auth";

const inputs = {
    name: { type: "string", required: true },
    insecureSkipVerify: { type: "boolean", default: false },
} as const;

export const getRegistryImage = providerFunction({
    inputs,
    outputs: { ...inputs, id: { type: "string" }, sha256Digest: { type: "string" } },
    async invoke({ name, insecureSkipVerify }, { config, signal }) {
        const digest = await imageDigest(parseImageName(name), {
            logins: loginsFrom(config),
            insecureSkipVerify,
            environment: process.env,
            signal,
        });
        return { name, insecureSkipVerify, id: digest, sha256Digest: digest };
    },
});
