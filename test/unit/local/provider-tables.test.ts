import * as assert from "node:assert/strict";
import { test } from "node:test";
import { cloudflareProvider } from "../../../local/providers/cloudflare/provider";
import { commandProvider } from "../../../local/providers/command/provider";
import { digitalOceanProvider } from "../../../local/providers/digitalocean/provider";
import { randomProvider } from "../../../local/providers/random/provider";
import { tlsProvider } from "../../../local/providers/tls/provider";
import { differencesFromSdk } from "./sdk-properties";

const notSimulated: Record<string, string[]> = {
    command: ["Command.assets", "Command.archive"],
    random: ["RandomPassword.bcryptHash"],
};

for (const provider of [
    cloudflareProvider,
    commandProvider,
    digitalOceanProvider,
    randomProvider,
    tlsProvider,
]) {
    test(`the tables of ${provider.name} agree with the installed package`, () => {
        assert.deepEqual(differencesFromSdk(provider, notSimulated[provider.name]), []);
    });
}

test("a function's table that disagrees is told of in every way", () => {
    const token = "cloudflare:index/getZone:getZone";
    const getZone = cloudflareProvider.functions[token]!;
    const inputs = { filter: { type: "string" }, zone: { type: "string" } } as const;
    const outputs = { ...getZone.outputs, secretOfLife: { type: "integer" } } as const;
    const functions = { [token]: { ...getZone, inputs, outputs } };
    assert.deepEqual(differencesFromSdk({ ...cloudflareProvider, resources: {}, functions }), [
        "getZone.zone: the package has no such argument",
        "getZone.filter: string in the table, object in the package",
        "getZone.zoneId: missing in the table",
        "getZone.secretOfLife: no result of the package",
    ]);
});

test("a table that disagrees is told of in every way", () => {
    const token = "tls:index/privateKey:PrivateKey";
    const key = tlsProvider.resources[token]!;
    const wrong = {
        algorithm: { type: "string", deprecated: "why" },
        rsaBits: { type: "string" },
        curve: { type: "string" },
    } as const;
    const outputs = {
        publicKeyPem: { type: "string" },
        secretOfLife: { type: "integer" },
    } as const;
    const resources = { [token]: { ...key, inputs: wrong, outputs } };
    assert.deepEqual(differencesFromSdk({ ...tlsProvider, resources }).slice(0, 6), [
        "PrivateKey.curve: the package has no such argument",
        "PrivateKey.algorithm: required in the package",
        "PrivateKey.algorithm: not deprecated in the package",
        "PrivateKey.ecdsaCurve: missing in the table",
        "PrivateKey.rsaBits: string in the table, number in the package",
        "PrivateKey.ecdsaCurve: an output that the table has not",
    ]);
});
