import assert from "node:assert/strict";
import { test } from "node:test";
import { missingPackages } from "../../../local/requirements";

const nothing = () => false;

test("lists exactly what is missing for a purpose, each package once and sorted", () => {
    assert.deepEqual(missingPackages(["check"], nothing, true), ["shellcheck"]);
    assert.deepEqual(missingPackages(["container"], nothing, true), [
        "docker-registry",
        "e2fsprogs",
        "iproute2",
        "knot",
        "nftables",
        "openssh-client",
        "openssl",
        "systemd-container",
    ]);
});

test("asks only an ordinary user for what only he needs", () => {
    assert.ok(missingPackages(["image"], nothing, false).includes("uidmap"));
    assert.ok(!missingPackages(["image"], nothing, true).includes("uidmap"));
});

test("is content when everything is there", () => {
    assert.deepEqual(
        missingPackages(["image", "vm", "container", "check"], () => true, false),
        [],
    );
});
