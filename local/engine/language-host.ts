// The Node language host: lets a `pulumi` that was built from Go modules run TypeScript programs. The official one
// comes with Pulumi's own release and is used where that is installed. Protocol: pulumi/language.proto.
import { spawn, type ChildProcess } from "node:child_process";
import * as grpc from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import * as languageGrpc from "@pulumi/pulumi/proto/language_grpc_pb";
import * as language from "@pulumi/pulumi/proto/language_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";

/** `@pulumi/pulumi/cmd/run` exits with this when the program failed and has already said why. */
const programFailedExitCode = 32;

const engineAddress = process.argv.slice(2).find((argument) => !argument.startsWith("-")) ?? "";
let program: ChildProcess | undefined;
const plugins = new Set<ChildProcess>();

type Call<Request, Response> = (
    call: grpc.ServerUnaryCall<Request, Response>,
    callback: grpc.sendUnaryData<Response>,
) => void;

function answer<Request, Response>(make: () => Response): Call<Request, Response> {
    return (_call, callback) => callback(null, make());
}

const run: Call<language.RunRequest, language.RunResponse> = ({ request }, callback) => {
    const info = request.getInfo();
    const folder = info?.getProgramDirectory() || request.getPwd();
    const entry = info?.getEntryPoint() || ".";
    const args = [
        require.resolve("@pulumi/pulumi/cmd/run", { paths: [folder] }),
        `--monitor=${request.getMonitorAddress()}`,
        `--engine=${request.getArgsList()[0] ?? engineAddress}`,
        `--project=${request.getProject()}`,
        `--stack=${request.getStack()}`,
        `--organization=${request.getOrganization()}`,
        `--root-directory=${info?.getRootDirectory() || folder}`,
        `--pwd=${folder}`,
        ...(request.getDryrun() ? ["--dry-run"] : []),
        `--parallel=${request.getParallel()}`,
        entry === "." ? folder : entry,
    ];
    const config: Record<string, string> = {};
    request.getConfigMap().forEach((value: string, key: string) => (config[key] = value));
    program = spawn(process.execPath, args, {
        cwd: folder,
        stdio: ["ignore", "inherit", "inherit"],
        env: {
            ...process.env,
            PULUMI_NODEJS_TYPESCRIPT: "true",
            PULUMI_CONFIG: JSON.stringify(config),
            PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
        },
    });
    program.on("error", (error) => callback(error));
    program.on("exit", (code, signal) => {
        program = undefined;
        const response = new language.RunResponse();
        if (code === programFailedExitCode) response.setBail(true);
        else if (code !== 0)
            response.setError(`the program ended with ${signal ?? `exit code ${code}`}`);
        callback(null, response);
    });
};

/** `NAME=value` entries as an environment. */
function environmentOf(entries: readonly string[]): Record<string, string> {
    return Object.fromEntries(
        entries.map((entry): [string, string] => {
            const at = entry.indexOf("=");
            return [entry.slice(0, at), entry.slice(at + 1)];
        }),
    );
}

/** A policy pack: what it writes is the engine's to read, its port at first. */
function runPlugin(
    call: grpc.ServerWritableStream<language.RunPluginRequest, language.RunPluginResponse>,
): void {
    const { request } = call;
    const folder = request.getInfo()?.getProgramDirectory() || request.getPwd();
    if (request.getKind() !== "analyzer") {
        call.destroy(new Error(`plugins of kind ${request.getKind()} are not run here`));
        return;
    }
    const plugin = spawn(
        process.execPath,
        [
            require.resolve("@pulumi/pulumi/cmd/run-policy-pack", { paths: [folder] }),
            ...request.getArgsList(),
            folder,
        ],
        {
            cwd: folder,
            stdio: ["ignore", "pipe", "pipe"],
            env: { ...environmentOf(request.getEnvList()), PULUMI_NODEJS_TYPESCRIPT: "true" },
        },
    );
    plugins.add(plugin);
    const answer = (set: (response: language.RunPluginResponse) => void) => {
        const response = new language.RunPluginResponse();
        set(response);
        call.write(response);
    };
    plugin.stdout.on("data", (text: Buffer) => answer((response) => response.setStdout(text)));
    plugin.stderr.on("data", (text: Buffer) => answer((response) => response.setStderr(text)));
    plugin.on("error", (error) => call.destroy(error));
    plugin.on("close", (code) => {
        plugins.delete(plugin);
        answer((response) => response.setExitcode(code ?? 1));
        call.end();
    });
    call.on("cancelled", () => plugin.kill());
}

function end(): never {
    program?.kill("SIGKILL");
    for (const plugin of plugins) plugin.kill("SIGKILL");
    process.exit(0);
}

const server = new grpc.Server({ "grpc.max_receive_message_length": -1 });
server.addService(languageGrpc.LanguageRuntimeService, {
    handshake: answer(() => new language.LanguageHandshakeResponse()),
    getRequiredPlugins: answer(() => new language.GetRequiredPluginsResponse()),
    getRequiredPackages: answer(() => new language.GetRequiredPackagesResponse()),
    getPluginInfo: answer(() => {
        const plugin = new PluginInfo();
        // eslint-disable-next-line @typescript-eslint/no-require-imports
        plugin.setVersion((require("@pulumi/pulumi/package.json") as { version: string }).version);
        return plugin;
    }),
    run,
    runPlugin,
    about: answer(() => {
        const about = new language.AboutResponse();
        about.setExecutable(process.execPath);
        about.setVersion(process.version);
        return about;
    }),
    getProgramDependencies: answer(() => new language.GetProgramDependenciesResponse()),
    runtimeOptionsPrompts: answer(() => new language.RuntimeOptionsResponse()),
    installDependencies: (call: grpc.ServerWritableStream<unknown, unknown>) => call.end(),
    cancel: (_call: unknown, callback: grpc.sendUnaryData<Empty>) => {
        program?.kill("SIGTERM");
        callback(null, new Empty());
    },
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    // Not by console.log, which colours numbers when FORCE_COLOR is set.
    process.stdout.write(`${port}\n`);
});

// The engine may be killed without a chance to end its plugins; the program must not outlive it.
const engine = process.ppid;
setInterval(() => {
    if (process.ppid !== engine) end();
}, 500).unref();
process.on("SIGTERM", end);
// The engine asks its plugins to end with SIGINT; one typed at a terminal does not reach them.
process.on("SIGINT", end);
