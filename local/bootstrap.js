#!/usr/bin/env node
// The first thing that runs on a fresh clone, before any package is there: plain JavaScript, Node's own modules only.
"use strict";
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const root = path.resolve(__dirname, "..");

if (Number(process.versions.node.split(".")[0]) < 20) {
    console.error(
        `Node ${process.versions.node} is too old: 20 or newer is needed. See https://nodejs.org/en/download.`,
    );
    process.exit(1);
}

installNpmPackages();

const command = path.join(__dirname, "cli.ts");
const { status, signal } = spawnSync(
    process.execPath,
    ["--import", "tsx", command, ...process.argv.slice(2)],
    { stdio: "inherit", cwd: root },
);
if (signal) process.kill(process.pid, signal);
process.exit(status ?? 1);

function isLink(file) {
    try {
        return fs.lstatSync(file).isSymbolicLink();
    } catch {
        return false;
    }
}

/** `npm ci` unless npm has installed what is in the lockfile: its own record in node_modules is the newer then. */
function installNpmPackages() {
    const changed = (file) => {
        try {
            return fs.statSync(path.join(root, file)).mtimeMs;
        } catch {
            return 0;
        }
    };
    if (changed("node_modules/.package-lock.json") >= changed("package-lock.json")) return;
    // A link leads to another checkout's packages, which npm would empty.
    if (isLink(path.join(root, "node_modules"))) return;
    const start = Date.now();
    console.error("npm packages: installing (npm ci)");
    const { status: code } = spawnSync(
        "npm",
        ["ci", "--no-audit", "--no-fund", "--loglevel=error"],
        {
            cwd: root,
            stdio: ["ignore", 2, "inherit"],
        },
    );
    if (code !== 0) {
        console.error(
            "npm packages: `npm ci` failed, see above. Mend that and run the command again.",
        );
        process.exit(code ?? 1);
    }
    console.error(`npm packages: installed (${((Date.now() - start) / 1000).toFixed(1)} s)`);
}
