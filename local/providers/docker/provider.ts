import type { Provider } from "../handler";
import { installedVersion } from "../installed-version";
import { pingDaemon } from "./daemon";
import { getRegistryImage } from "./get-registry-image";
import { registryAuth, registryAuthFailures } from "./registry-auth";

/** A simulation of the docker provider: look-ups alone, at a real registry, with the real one's checks and messages. */
export const dockerProvider: Provider = {
    name: "docker",
    version: installedVersion("docker"),
    config: {
        caMaterial: { type: "string" },
        certMaterial: { type: "string" },
        certPath: { type: "string" },
        context: { type: "string" },
        disableDockerDaemonCheck: { type: "boolean" },
        host: { type: "string" },
        keyMaterial: { type: "string", secret: true },
        registryAuth,
        sshOpts: { type: "array", items: { type: "string" } },
    },
    checkConfig: registryAuthFailures,
    async configure({ disableDockerDaemonCheck, host }) {
        if (disableDockerDaemonCheck === true) return;
        await pingDaemon(typeof host === "string" ? host : process.env["DOCKER_HOST"]);
    },
    resources: {},
    functions: {
        "docker:index/getRegistryImage:getRegistryImage": getRegistryImage,
    },
};
