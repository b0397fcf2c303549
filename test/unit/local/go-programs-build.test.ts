import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { ensureGoProgram } from "../../../local/go-programs/build";
import { buildGoPackage, goInputsHash, goToolchain } from "../../../local/go-programs/go-build";
import { run } from "../../../cli/run-program";

function folder(context: { after(work: () => void): void }): string {
    const made = fs.mkdtempSync(path.join(os.tmpdir(), "mailhost-go-"));
    context.after(() => fs.rmSync(made, { recursive: true, force: true }));
    return made;
}

test("what is built depends on the toolchain and on every file of the module", (context) => {
    const module = folder(context);
    const write = (name: string, text: string) => fs.writeFileSync(path.join(module, name), text);
    write("go.mod", "module a\n");
    write("main.go", "package main\n");
    const hash = goInputsHash(module, "1.26.0");
    assert.match(hash, /^[0-9a-f]{16}$/);
    assert.equal(goInputsHash(module, "1.26.0"), hash);
    assert.notEqual(goInputsHash(module, "1.26.1"), hash);
    write("main.go", "package main \n");
    assert.notEqual(goInputsHash(module, "1.26.0"), hash);
    write("main.go", "package main\n");
    write("go.sum", "a\n");
    assert.notEqual(goInputsHash(module, "1.26.0"), hash);
});

test("without Go it says what it is needed for and where to get it", async (context) => {
    const before = process.env["PATH"];
    process.env["PATH"] = folder(context);
    context.after(() => (process.env["PATH"] = before));
    await assert.rejects(
        ensureGoProgram("pebble", () => undefined),
        new Error(
            "This needs pebble, the ACME server, and builds it with Go, of which there is no version 1.26 or " +
                "newer on PATH. Install Go and run the command again: https://go.dev/doc/install",
        ),
    );
});

test("a program is built from a copy of its module, and a fault is told", async (context) => {
    if ((await goToolchain()) === undefined) return context.skip("there is no Go on PATH");
    const [module, work] = [folder(context), folder(context)];
    fs.writeFileSync(path.join(module, "go.mod"), "module hello\n\ngo 1.26\n");
    const main = path.join(module, "main.go");
    fs.writeFileSync(main, 'package main\n\nfunc main() { print("hello") }\n');
    const source = { title: "hello", module, duration: "a second" };
    const output = path.join("bin", "hello");
    await buildGoPackage(source, work, output, () => undefined);
    await run(path.join(work, output), []);
    assert.deepEqual(fs.readdirSync(module).sort(), ["go.mod", "main.go"]);

    fs.writeFileSync(main, "package main\n\nfunc main() { prin() }\n");
    await assert.rejects(
        buildGoPackage(source, work, output, () => undefined),
        /main\.go:3:15: undefined: prin$/m,
    );
});
