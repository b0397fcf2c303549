import * as assert from "node:assert/strict";
import { test } from "node:test";
import { commandProvider } from "../../../local/providers/command/provider";
import { randomProvider } from "../../../local/providers/random/provider";
import { tlsProvider } from "../../../local/providers/tls/provider";
import { differencesFromSdk } from "./sdk-properties";

const notSimulated: Record<string, string[]> = {
    command: ["Command.assets", "Command.archive"],
    random: ["RandomPassword.bcryptHash"],
};

for (const provider of [commandProvider, randomProvider, tlsProvider]) {
    test(`the tables of ${provider.name} agree with the installed package`, () => {
        assert.deepEqual(differencesFromSdk(provider, notSimulated[provider.name]), []);
    });
}
