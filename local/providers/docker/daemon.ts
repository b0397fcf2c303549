import * as http from "node:http";

const defaultHost = "unix:///var/run/docker.sock";

/** Milliseconds. */
const timeout = 10_000;

/**
 * What the real provider does when it is configured, unless `disableDockerDaemonCheck` is set: asks the Docker daemon
 * whether it is there.
 *
 * @throws Error in the real provider's words when it doesn't answer.
 */
export async function pingDaemon(host: string = defaultHost): Promise<void> {
    if (!host.startsWith("unix://")) {
        throw new Error(
            `docker:host is ${host}: the simulated docker provider talks to a daemon on this computer's Unix socket only. Set docker:disableDockerDaemonCheck if none is needed.`,
        );
    }
    const answered = await new Promise<boolean>((resolve) => {
        const socketPath = host.slice("unix://".length);
        const signal = AbortSignal.timeout(timeout);
        http.get({ socketPath, path: "/_ping", agent: false, signal }, (response) => {
            response.resume();
            resolve(response.statusCode === 200);
        }).on("error", () => resolve(false));
    });
    if (answered) return;
    throw new Error(
        `Error pinging Docker server: Cannot connect to the Docker daemon at ${host}. Is the docker daemon running?`,
    );
}
