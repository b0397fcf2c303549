import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { run } from "../../cli/run-program";
import { freePort } from "../cloud/dns/free-port";

/** A registry on loopback for as long as images are put into its storage. */
export interface FillingRegistry {
    /**
     * Copies an image of an OCI layout into the registry.
     *
     * @returns the digest that the registry serves for the tag.
     */
    push(source: string, repository: string, tag: string): Promise<string>;
    close(): Promise<void>;
}

const startSeconds = 20;

/**
 * @param args.storage the root of the registry's file system storage; made when it is not there.
 * @param args.work a folder for what the tools want to keep; to be removed by the caller.
 * @throws Error with what the registry said when it does not start.
 */
export async function openRegistry(args: {
    storage: string;
    work: string;
}): Promise<FillingRegistry> {
    const port = await freePort(["127.0.0.1"], 0);
    const url = `http://127.0.0.1:${port}`;
    const config = path.join(args.work, "registry.yml");
    const log = path.join(args.work, "registry.log");
    fs.mkdirSync(args.storage, { recursive: true });
    fs.writeFileSync(
        config,
        stringify({
            version: 0.1,
            log: { level: "warn" },
            storage: {
                filesystem: { rootdirectory: args.storage },
                maintenance: { uploadpurging: { enabled: false } },
            },
            http: { addr: `127.0.0.1:${port}`, secret: randomBytes(16).toString("hex") },
        }),
    );
    const output = fs.openSync(log, "w");
    const child = spawn("docker-registry", ["serve", config], {
        stdio: ["ignore", output, output],
        env: { PATH: process.env["PATH"], OTEL_TRACES_EXPORTER: "none" },
    });
    fs.closeSync(output);
    const ended = new Promise<string>((resolve) => {
        child.once("error", (error) => resolve(error.message));
        child.once("exit", (code) => resolve(`exit code ${code}`));
    });
    try {
        await answering(url, ended, log);
    } catch (error) {
        await stop(child, ended);
        throw error;
    }
    return {
        push: async (source, repository, tag) => {
            await run(
                "skopeo",
                [
                    ...["copy", "--insecure-policy", "--quiet", "--dest-tls-verify=false"],
                    `oci:${source}`,
                    `docker://127.0.0.1:${port}/${repository}:${tag}`,
                ],
                // Its notes on which registry has what are about one that is gone soon.
                { env: { ...process.env, HOME: args.work, XDG_DATA_HOME: args.work } },
            );
            return servedDigest(url, repository, tag);
        },
        close: () => stop(child, ended),
    };
}

async function answering(url: string, ended: Promise<string>, log: string): Promise<void> {
    let end: string | undefined;
    void ended.then((reason) => (end = reason));
    const deadline = Date.now() + startSeconds * 1000;
    while (end === undefined && Date.now() < deadline) {
        const answer = await fetch(`${url}/v2/`).catch(() => undefined);
        if (answer?.ok) return;
        await sleep(50);
    }
    const reason = end ?? `no answer within ${startSeconds} s`;
    throw new Error(
        `The image registry (docker-registry) did not start: ${reason}.\n${fs.readFileSync(log, "utf8").slice(-2000)}`,
    );
}

async function servedDigest(url: string, repository: string, tag: string): Promise<string> {
    const answer = await fetch(`${url}/v2/${repository}/manifests/${tag}`, {
        method: "HEAD",
        headers: { Accept: "application/vnd.oci.image.manifest.v1+json" },
    });
    const digest = answer.headers.get("docker-content-digest");
    if (!answer.ok || !digest) {
        throw new Error(`The image registry answered ${answer.status} for ${repository}:${tag}.`);
    }
    return digest;
}

async function stop(child: ChildProcess, ended: Promise<string>): Promise<void> {
    child.kill("SIGTERM");
    const killer = setTimeout(() => child.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(killer);
}
