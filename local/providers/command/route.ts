import * as fs from "node:fs";
import * as path from "node:path";
import { cloudVariable, type CloudInfo } from "../../paths";

/** Where a connection really goes. */
export interface Route {
    host: string;
    port: number;
}

/**
 * The simulated network: asks the laptop cloud where this computer reaches an address of one of its machines. Every
 * other address, and every address without a laptop cloud, is reached as it is.
 *
 * @throws when there is a laptop cloud and it doesn't answer.
 */
export async function findRoute(host: string, port: number): Promise<Route> {
    const root = process.env[cloudVariable];
    if (root === undefined || root === "") return { host, port };
    const info = JSON.parse(fs.readFileSync(path.join(root, "cloud.json"), "utf8")) as CloudInfo;
    const url = new URL(`${info.hcloudEndpoint.replace(/\/v1\/?$/, "")}/_laptop/route`);
    url.search = new URLSearchParams({ host, port: String(port) }).toString();
    const response = await fetch(url).catch((error: Error) => {
        throw new Error(
            `the laptop cloud "${info.name}" does not answer at ${url.origin} (${error.message}); start it with: npm run local`,
        );
    });
    if (!response.ok) {
        throw new Error(
            `no route to ${host}:${port} in the laptop cloud "${info.name}": ${(await response.text()).trim()}`,
        );
    }
    return (await response.json()) as Route;
}
