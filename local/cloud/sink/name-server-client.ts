import { promises as dns } from "node:dns";
import type { DNSResolver } from "mailauth";

/** Longer than a name server on this computer ever takes, also when it is busy. */
const timeoutMilliseconds = 2000;

/** Answers as `dns.resolve` gives them; a name or record that is not there is an error ENOTFOUND or ENODATA. */
export type Lookup = (name: string, type: string) => Promise<unknown[]>;

/**
 * A resolver that asks one name server, whatever this computer's own are. It follows aliases from zone to zone, which
 * an authoritative server leaves to its client.
 */
export function nameServerClient(server: { host: string; port: number }): Lookup {
    const stub = new dns.Resolver({ timeout: timeoutMilliseconds, tries: 3 });
    const host = server.host.includes(":") ? `[${server.host}]` : server.host;
    stub.setServers([`${host}:${server.port}`]);
    const lookup = async (name: string, type: string, depth: number): Promise<unknown[]> => {
        const answer = (await stub.resolve(name, type)) as unknown[];
        if (answer.length > 0 || depth === 0) return answer;
        const [alias = ""] = await stub.resolveCname(name);
        return lookup(alias, type, depth - 1);
    };
    return (name, type) => lookup(name, type, 8);
}

/** The same as mailauth takes it, which knows the form of each type's answer. */
export function authenticationResolver(lookup: Lookup): DNSResolver {
    return (name, type) => lookup(name, type) as Promise<string[][] | string[]>;
}

/** The names or addresses that a name server has; none when it has no such record. */
export async function namesOf(lookup: Lookup, name: string, type: "A" | "AAAA" | "PTR") {
    try {
        return (await lookup(name, type)) as string[];
    } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "ENOTFOUND" || code === "ENODATA") return [];
        throw error;
    }
}
