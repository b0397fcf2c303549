#!/usr/bin/env node
// The first thing that runs on a fresh clone, before any package is there: plain JavaScript, Node's own modules only.
"use strict";
const { spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
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

/** `npm ci` when node_modules does not come from this lockfile. */
function installNpmPackages() {
    const lock = createHash("sha256")
        .update(fs.readFileSync(path.join(root, "package-lock.json")))
        .digest("hex");
    const stamp = path.join(root, "node_modules", ".pulumi-mailhost-lock");
    if (fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === lock) return;
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
    fs.writeFileSync(stamp, lock);
    console.error(`npm packages: installed (${((Date.now() - start) / 1000).toFixed(1)} s)`);
}
