import { createHash } from "node:crypto";
import { dataMountPoint } from "../host/data-volume";
import { assignments, commandLine, withInput } from "../host/here-document";
import { libraryFolder } from "../host/library";
import { scriptHead } from "../host/script";
import { sealScript } from "../host/seal";
import { hostTemplate } from "../host/template";
import { composeFile, composeProject } from "./compose";
import { causesTable } from "./deploy-causes";
import { hiddenTexts } from "./deploy-secrets";
import type { ImageName, Release, StackSecrets } from "./model";

/** What a deployment is told besides its release. */
export interface Deployment {
    release: Release;
    /** Taken out of every log line that is shown. */
    secrets?: StackSecrets;
    /**
     * TCP ports that the services bind, and by whom: one that something else has taken is found before anything is
     * touched.
     *
     * @default the verified ones
     */
    ports?: readonly { port: number; service: string }[];
    /** The public addresses at which the ports have to answer; an empty one is not asked. */
    addresses: { ipv4: string; ipv6: string };
    /**
     * A shell command that logs in to the host and takes a command at its end, e.g. `ssh root@192.0.2.25`. It is shown in
     * double quotes behind `eval`, so it may be `$(…)`.
     */
    login: string;
    /**
     * How long nothing may move while services start, in seconds.
     *
     * @default 180
     */
    healthSeconds?: number;
    /**
     * How long the ports may take to answer once everything is healthy, in seconds.
     *
     * @default 60
     */
    verifySeconds?: number;
}

/** Scripts on the host keep their state here. */
const stateFolder = "/var/lib/mailhost";

/** Users of images by name; the user of the mail image is its own. */
const imageUsers: Readonly<Record<ImageName, string>> = {
    mail: "",
    mongodb: "mongodb",
    redis: "redis",
    router: "nginx",
};

const rows = (lines: readonly (readonly (string | number)[])[]) =>
    lines.map((fields) => `${fields.join("|")}\n`).join("");

/** The tables of a release, as they are kept beside its files. */
export function releaseTables({ release, secrets, ports }: Deployment): Record<string, string> {
    const { images, furtherImages, services, verify, folders } = release;
    return {
        images: rows([
            ...Object.entries(images),
            ...furtherImages.map((image) => ["further", image]),
        ]),
        services: rows(services.map((name) => [name])),
        verify: rows(
            verify.map(({ port, tls, name, lineage, service }) => [
                port,
                tls,
                name,
                lineage,
                service,
            ]),
        ),
        folders: rows(
            folders.map(({ path, image, user }) => [path, image, user ?? imageUsers[image]]),
        ),
        ports: rows((ports ?? verify).map(({ port, service }) => [port, service])),
        secrets: rows(hiddenTexts(release, secrets).map((text) => [text])),
    };
}

/**
 * What a release is known by: 12 hexadecimal digits over all that it holds. It holds keys of full length, so nothing
 * can be guessed from it.
 */
export function releaseHash(deployment: Deployment): string {
    const content = JSON.stringify([
        deployment.release.files.map(({ path, mode, owner, content }) => [
            path,
            mode,
            owner,
            content,
        ]),
        Object.entries(releaseTables(deployment)),
    ]);
    return createHash("sha256").update(content).digest("hex").slice(0, 12);
}

/**
 * The script that takes a release into service, or puts the one before back.
 *
 * @returns a whole script, whose last line is the end marker. Secrets stand in here-documents only.
 */
export function deployScript(deployment: Deployment): string {
    const { release, addresses, login, healthSeconds = 180, verifySeconds = 60 } = deployment;
    return sealScript(
        [
            scriptHead,
            assignments({
                data: dataMountPoint,
                releases: `${dataMountPoint}/releases`,
                state: stateFolder,
                library: libraryFolder,
                work: "/run/mailhost/deploy",
                composer_file: "/run/mailhost/compose.pid",
                project: composeProject,
                compose_file: composeFile,
                release_hash: releaseHash(deployment),
                ipv4: addresses.ipv4,
                ipv6: addresses.ipv6,
                login,
                health_seconds: healthSeconds,
                verify_seconds: verifySeconds,
            }),
            ...[
                "stack-images.sh",
                "stack-env.sh",
                "stack-leftovers.sh",
                "stack-services.sh",
                "listeners.sh",
                "deploy-checks.sh",
                "deploy-release.sh",
                "deploy-health.sh",
                "deploy-verify.sh",
                "deploy-failure.sh",
                "deploy.sh",
            ].map((name) => hostTemplate(name)),
            "known_causes() {\n",
            withInput(["cat"], causesTable()),
            "\n}\n",
            "receive_release() {\n",
            ...release.files.map(
                ({ path, mode, owner, content }) =>
                    `${withInput(["release_file", path, mode, owner], content)}\n`,
            ),
            ...Object.entries(releaseTables(deployment)).map(
                ([name, content]) => `${withInput(["release_table", name], content)}\n`,
            ),
            "}\n",
            "deploy\n",
        ].join(""),
    );
}

/**
 * The script that pulls the images that a host has not got. It holds no secret, and touches nothing that runs.
 *
 * @param furtherImages of services that the user added.
 */
export function pullScript(
    images: Readonly<Record<ImageName, string>>,
    furtherImages: readonly string[],
): string {
    const references = [...new Set([...Object.values(images), ...furtherImages])];
    const users = Object.entries(images).map(([name, image]) => ({
        image,
        user: imageUsers[name as ImageName],
    }));
    return sealScript(
        [
            scriptHead,
            assignments({ state: stateFolder }),
            hostTemplate("stack-images.sh"),
            hostTemplate("pull.sh"),
            `${commandLine(["pull_images", ...references])}\n`,
            ...users.map(({ image, user }) => `${commandLine(["learn_user", image, user])} &\n`),
            "wait\n",
        ].join(""),
    );
}
