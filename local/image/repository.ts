import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { run } from "../../cli/run-program";

/** A key that signs one package repository and is forgotten. */
export interface SigningKey {
    /** ASCII armoured. */
    publicKey: string;
    /** Signs a text, with the signature around it (`InRelease`). */
    sign(file: string, signed: string): Promise<void>;
    destroy(): Promise<void>;
}

/** Makes a key in a key ring of its own: the user's is never touched. */
export async function makeSigningKey(): Promise<SigningKey> {
    // In the temporary folder, since the agent's socket has a path of at most 107 characters.
    const home = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-key-"));
    const env = { ...process.env, GNUPGHOME: home };
    const gpg = (...args: string[]) => run("gpg", ["--batch", "--quiet", ...args], { env });
    await gpg(
        ...["--passphrase", ""],
        ...["--quick-generate-key", "laptop cloud package repository", "ed25519", "sign", "never"],
    );
    return {
        publicKey: await gpg("--armor", "--export"),
        sign: async (file, signed) => {
            await gpg("--digest-algo", "SHA512", "--clearsign", "--output", signed, file);
        },
        destroy: async () => {
            await run("gpgconf", ["--kill", "all"], { env });
            fs.rmSync(home, { recursive: true, force: true });
        },
    };
}

interface RepositoryArgs {
    /** A tar archive of `.deb` files, as apt-get downloaded them. */
    packages: string;
    /** The folder to make; stands behind `deb URL`. */
    folder: string;
    suite: string;
    architecture: "amd64" | "arm64";
    key: SigningKey;
}

/** Makes a signed package repository with one suite and one component, `main`. */
export async function publishRepository(args: RepositoryArgs): Promise<void> {
    const { folder, suite, architecture } = args;
    const pool = path.join(folder, "pool");
    const dists = path.join("dists", args.suite);
    const index = path.join(folder, dists, "main", `binary-${architecture}`);
    fs.mkdirSync(pool, { recursive: true });
    fs.mkdirSync(index, { recursive: true });
    await run("tar", ["-C", pool, "-xf", args.packages]);
    for (const name of fs.readdirSync(pool)) {
        // apt-get keeps the epoch in the name, escaped; a `%` in a URL invites being escaped twice.
        fs.renameSync(path.join(pool, name), path.join(pool, name.replace(/_\d+%3a/i, "_")));
    }
    fs.writeFileSync(
        path.join(index, "Packages"),
        await run("apt-ftparchive", ["packages", "pool"], { cwd: folder }),
    );
    const fields = {
        Suite: suite,
        Codename: suite,
        Components: "main",
        Architectures: architecture,
    };
    const release = path.join(folder, dists, "Release");
    const text = await run(
        "apt-ftparchive",
        [
            ...Object.entries(fields).flatMap(([name, value]) => [
                "-o",
                `APT::FTPArchive::Release::${name}=${value}`,
            ]),
            "release",
            dists,
        ],
        { cwd: folder },
    );
    fs.writeFileSync(release, text);
    await args.key.sign(release, path.join(folder, dists, "InRelease"));
}
