import * as fs from "node:fs";
import * as path from "node:path";
import ipaddr from "ipaddr.js";
import { cloudVariable, type CloudInfo } from "../paths";

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

/** Whether a URL leads to this computer's loopback or into a laptop cloud's own network. */
export function isOfLaptop(endpoint: string): boolean {
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
