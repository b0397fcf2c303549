import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { cacheRoot } from "../../../local/paths";

/** The releases of Debian whose cloud-init judges: 22.4 and 25.1. */
export const judges = ["bookworm", "trixie"] as const;
type Judge = (typeof judges)[number];

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
const folder = path.join(cacheRoot, "cloud-init-schema");

/** Pure Python, or able to do without its compiled part, so that any Python 3 of this computer runs it. */
const dependencies = [
    ...["attr", "certifi", "chardet", "configobj", "idna", "jinja2", "json-pointer", "jsonpatch"],
    ...["jsonschema", "markupsafe", "netifaces", "oauthlib", "pyrsistent", "requests", "six"],
    ...["urllib3", "yaml"],
].map((name) => `python3-${name}`);

/** Why this computer can't judge, or undefined when it can. */
export function whyNoJudge(): string | undefined {
    for (const program of ["apt-get", "dpkg-deb", "python3"]) {
        if (spawnSync(program, ["--version"]).error) return `there is no ${program} here`;
    }
    return fs.existsSync(keyring)
        ? undefined
        : `${keyring} is missing (apt install debian-archive-keyring)`;
}

/** Fetches what is not there yet with an apt of its own: this computer's packages and sources are left alone. */
function prepare(): void {
    if (fs.existsSync(folder)) return;
    const building = `${folder}.${process.pid}`;
    for (const part of ["lists/partial", "cache/archives/partial", "dependencies", ...judges]) {
        fs.mkdirSync(path.join(building, part), { recursive: true });
    }
    const sources = path.join(building, "sources.list");
    fs.writeFileSync(
        sources,
        judges
            .map(
                (suite) =>
                    `deb [signed-by=${keyring}] http://deb.debian.org/debian ${suite} main\n`,
            )
            .join(""),
    );
    const options = [
        `Dir::Etc::SourceList=${sources}`,
        "Dir::Etc::SourceParts=/dev/null",
        `Dir::State::Lists=${path.join(building, "lists")}`,
        `Dir::Cache=${path.join(building, "cache")}`,
        "Dir::State::status=/dev/null",
        // The folder may be closed to apt's own user.
        "APT::Sandbox::User=",
        "Acquire::Languages=none",
        "Acquire::Retries=3",
    ].flatMap((option) => ["-o", option]);
    const apt = (...args: string[]) =>
        execFileSync("apt-get", ["-qq", ...options, ...args], { cwd: building, stdio: "pipe" });
    apt("update");
    apt(
        "download",
        ...judges.map((suite) => `cloud-init/${suite}`),
        ...dependencies.map((name) => `${name}/bookworm`),
    );
    for (const file of fs.readdirSync(building).filter((name) => name.endsWith(".deb"))) {
        const target = !file.startsWith("cloud-init_")
            ? "dependencies"
            : file.startsWith("cloud-init_22.4")
              ? "bookworm"
              : "trixie";
        execFileSync("dpkg-deb", ["-x", file, target], { cwd: building });
    }
    fs.rmSync(path.join(building, "lists"), { recursive: true });
    fs.rmSync(path.join(building, "cache"), { recursive: true });
    fs.renameSync(building, folder);
}

/** What `cloud-init schema` says of a file, and whether it accepts it. */
export function judge(suite: Judge, file: string): { valid: boolean; output: string } {
    prepare();
    const packages = (part: string) => path.join(folder, part, "usr/lib/python3/dist-packages");
    const program =
        "import sys; from cloudinit.cmd.main import main; " +
        'sys.argv = ["cloud-init", "schema", "--config-file", sys.argv[1]]; sys.exit(main())';
    const run = spawnSync("python3", ["-S", "-c", program, file], {
        encoding: "utf8",
        env: {
            PATH: process.env["PATH"],
            PYTHONPATH: `${packages(suite)}:${packages("dependencies")}`,
            PYTHONDONTWRITEBYTECODE: "1",
        },
    });
    return { valid: run.status === 0, output: `${run.stdout}${run.stderr}` };
}

/** The version of a judge's cloud-init. */
export function judgeVersion(suite: Judge): string {
    prepare();
    const deb = fs
        .readdirSync(folder)
        .find(
            (name) =>
                name.startsWith("cloud-init_") &&
                name.startsWith("cloud-init_22.4") === (suite === "bookworm"),
        );
    return deb?.split("_")[1]?.split("-")[0] ?? "none";
}
