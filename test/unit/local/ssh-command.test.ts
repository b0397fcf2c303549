import assert from "node:assert/strict";
import { test } from "node:test";
import { loginArguments } from "../../../local/commands/ssh";
import { sshArguments } from "../../../local/status";

const login = {
    user: "root",
    host: "127.0.0.1",
    port: 2222,
    keyFile: "/cloud/ssh/key",
    knownHostsFile: "/cloud/ssh/known_hosts",
};

test("a command gets a terminal where it is called at one, so that the host's menu can be used", () => {
    assert.deepEqual(loginArguments(login, ["mailhost"], true), [
        "-t",
        ...sshArguments(login),
        "mailhost",
    ]);
});

test("a command in a script gets none, which would change what it prints", () => {
    assert.deepEqual(loginArguments(login, ["mailhost", "status", "--json"], false), [
        ...sshArguments(login),
        ...["mailhost", "status", "--json"],
    ]);
});

test("a login without a command is left to ssh, which asks for a terminal where there is one", () => {
    for (const onTerminal of [true, false])
        assert.deepEqual(loginArguments(login, [], onTerminal), sshArguments(login));
});
