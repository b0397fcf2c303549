import * as fs from "node:fs";
import * as path from "node:path";
import ipaddr from "ipaddr.js";
import { cloudVariable, type CloudInfo } from "../paths";
import type { CheckFailure } from "./schema";

/** The laptop cloud that the engine was started for. */
export function laptopCloud(environment: NodeJS.ProcessEnv): CloudInfo | undefined {
    const root = environment[cloudVariable];
    if (root === undefined) return undefined;
    try {
        return JSON.parse(fs.readFileSync(path.join(root, "cloud.json"), "utf8")) as CloudInfo;
    } catch {
        return undefined;
    }
}

/**
 * The endpoint of a simulated provider, which talks to a laptop cloud only.
 *
 * @param setting the configuration key that holds it, e.g. `hcloud:endpoint`.
 * @throws Error when there is none, or it isn't on this computer; its message begins with the setting.
 */
export function laptopEndpoint(setting: string, endpoint: string | undefined): string {
    const provider = setting.slice(0, setting.indexOf(":"));
    const only = `the simulated ${provider} provider talks to a laptop cloud only`;
    if (endpoint === undefined) {
        throw new Error(`${setting} is not set: ${only}. Run \`npm run local\`.`);
    }
    if (!isOfLaptop(endpoint)) {
        throw new Error(
            `${setting} is ${endpoint}: ${only}, on this computer's loopback or in 198.18.0.0/15.`,
        );
    }
    return endpoint;
}

/** What is wrong with a provider's configuration: `connect` throws it, beginning with the setting if it is the endpoint. */
export function connectionFailures(
    connect: () => unknown,
    setting: string,
    tokenProperty: string,
): CheckFailure[] {
    try {
        connect();
        return [];
    } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const property = setting.slice(setting.indexOf(":") + 1);
        return [{ path: reason.startsWith(setting) ? property : tokenProperty, reason }];
    }
}

/** Whether a URL leads to this computer's loopback or into a laptop cloud's own network. */
function isOfLaptop(endpoint: string): boolean {
    if (!URL.canParse(endpoint)) return false;
    const host = new URL(endpoint).hostname.replace(/^\[|\]$/g, "");
    if (host === "localhost") return true;
    if (!ipaddr.isValid(host)) return false;
    const address = ipaddr.parse(host);
    return (
        address.range() === "loopback" ||
        (address.kind() === "ipv4" && address.match(ipaddr.parseCIDR("198.18.0.0/15")))
    );
}
