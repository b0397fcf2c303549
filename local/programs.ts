import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Plugin } from "esbuild";
import { cacheRoot, projectRoot } from "./paths";

/** In the cache: packages are found from there as from the sources. */
const folder = path.join(cacheRoot, "programs");

/** Modules that look for files beside themselves are told where their source is. */
const ownFolders: Plugin = {
    name: "own-folders",
    setup(build) {
        build.onLoad({ filter: /\.ts$/ }, ({ path: file }) => ({
            loader: "ts",
            contents: fs
                .readFileSync(file, "utf8")
                .replace(/\b__dirname\b/g, JSON.stringify(path.dirname(file))),
        }));
    },
};

/** Where {@link buildPrograms} puts the program of a source. */
function builtFile(source: string): string {
    const name = path.relative(projectRoot, source).replace(/\.ts$/, "").replaceAll(path.sep, "-");
    return path.join(folder, `${name}.js`);
}

/** The command, without arguments, that runs what {@link buildPrograms} made of a source. */
export function programCommand(source: string): string[] {
    return [process.execPath, builtFile(source)];
}

/**
 * Makes one JavaScript file of each program that the engine or ssh starts again and again: it is up in a third of the
 * time that a TypeScript loader takes. The npm packages are loaded from `node_modules`.
 *
 * @param sources absolute paths of TypeScript files of this project.
 */
export async function buildPrograms(sources: readonly string[]): Promise<void> {
    // Not at the top: programs that only want to know the command would load it too.
    const { build } = await import("esbuild");
    const { outputFiles } = await build({
        absWorkingDir: projectRoot,
        entryPoints: sources.map((source) => ({
            in: source,
            out: path.basename(builtFile(source), ".js"),
        })),
        outdir: folder,
        bundle: true,
        platform: "node",
        target: "node20",
        format: "cjs",
        packages: "external",
        sourcemap: "inline",
        plugins: [ownFolders],
        write: false,
        logLevel: "error",
    });
    fs.mkdirSync(folder, { recursive: true });
    for (const { path: file, contents } of outputFiles) {
        // Another run may be starting the one that is there.
        const aside = `${file}.${randomUUID()}`;
        fs.writeFileSync(aside, contents);
        fs.renameSync(aside, file);
    }
}
