import { randomBytes } from "node:crypto";
import { resource, type Provider } from "../handler";
import { installedVersion } from "../installed-version";
import type { CheckFailure } from "../schema";
import { characterInputs, checkCharacters, randomCharacters } from "./characters";

const keepers = { type: "map", items: { type: "string" }, replaces: true } as const;

const password = resource({
    inputs: { ...characterInputs, keepers },
    // The real one has bcryptHash as well. Node has no bcrypt: a program that reads it here finds it undefined.
    outputs: { result: { type: "string", secret: true } },
    check: checkCharacters,
    create(inputs) {
        return { id: "none", outputs: { ...inputs, result: randomCharacters(inputs) } };
    },
    read(id, known) {
        if (known) return known;
        return { id: "none", ...imported(id) };
    },
});

const string = resource({
    inputs: { ...characterInputs, keepers },
    outputs: { result: { type: "string" } },
    check: checkCharacters,
    create(inputs) {
        const result = randomCharacters(inputs);
        return { id: result, outputs: { ...inputs, result } };
    },
    read(id, known) {
        if (known) return known;
        return { id, ...imported(id) };
    },
});

/** An import takes the value as the id, and assumes the defaults for everything else, as the real provider does. */
function imported(value: string) {
    const inputs = {
        length: value.length,
        special: true,
        upper: true,
        lower: true,
        numeric: true,
        minSpecial: 0,
        minUpper: 0,
        minLower: 0,
        minNumeric: 0,
    };
    return { inputs, outputs: { ...inputs, number: true, result: value } };
}

const id = resource({
    inputs: {
        byteLength: { type: "integer", required: true, replaces: true },
        prefix: { type: "string", replaces: true },
        keepers,
    },
    outputs: {
        b64Std: { type: "string" },
        b64Url: { type: "string" },
        dec: { type: "string" },
        hex: { type: "string" },
    },
    check: (inputs) => ({ failures: atLeastOne("byteLength", inputs.byteLength) }),
    create(inputs) {
        const bytes = randomBytes(inputs.byteLength);
        return {
            id: bytes.toString("base64url"),
            outputs: { ...inputs, ...idForms(bytes, inputs.prefix) },
        };
    },
    read(id, known) {
        if (known) return known;
        const comma = id.lastIndexOf(",");
        const prefix = comma === -1 ? undefined : id.slice(0, comma);
        const bytes = Buffer.from(id.slice(comma + 1), "base64url");
        const inputs = { byteLength: bytes.length, prefix };
        return {
            id: bytes.toString("base64url"),
            inputs,
            outputs: { ...inputs, ...idForms(bytes, prefix) },
        };
    },
});

function idForms(bytes: Buffer, prefix = "") {
    return {
        b64Std: prefix + bytes.toString("base64"),
        b64Url: prefix + bytes.toString("base64url"),
        dec: prefix + BigInt(`0x${bytes.toString("hex")}`).toString(),
        hex: prefix + bytes.toString("hex"),
    };
}

const bytes = resource({
    inputs: { length: { type: "integer", required: true, replaces: true }, keepers },
    outputs: {
        base64: { type: "string", secret: true },
        hex: { type: "string", secret: true },
    },
    check: (inputs) => ({ failures: atLeastOne("length", inputs.length) }),
    create(inputs) {
        const value = randomBytes(inputs.length);
        return {
            id: "none",
            outputs: { ...inputs, base64: value.toString("base64"), hex: value.toString("hex") },
        };
    },
    read(id, known) {
        if (known) return known;
        const value = Buffer.from(id, "base64");
        return {
            id: "none",
            inputs: { length: value.length },
            outputs: { length: value.length, base64: id, hex: value.toString("hex") },
        };
    },
});

function atLeastOne(path: string, value: unknown): CheckFailure[] {
    if (typeof value !== "number" || value >= 1) return [];
    return [{ path, reason: `value must be at least 1, got: ${value}` }];
}

/** The simulated random provider: values of the same form and strength as the real one's. */
export const randomProvider: Provider = {
    name: "random",
    version: installedVersion("random"),
    config: {},
    resources: {
        "random:index/randomBytes:RandomBytes": bytes,
        "random:index/randomId:RandomId": id,
        "random:index/randomPassword:RandomPassword": password,
        "random:index/randomString:RandomString": string,
    },
    functions: {},
};
