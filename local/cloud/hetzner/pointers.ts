import ipaddr from "ipaddr.js";
import * as z from "zod";
import { invalidField } from "./api-error";
import type { PrimaryIpObject } from "./objects";

/** Body of `change_dns_ptr`; null puts the default back. */
export const pointerBody = z.object({ ip: z.string(), dns_ptr: z.string().min(1).nullable() });

const hostName = /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/i;

/** Sets or resets the PTR record of one address of a primary IP. */
export function changePointer(ip: PrimaryIpObject, change: z.output<typeof pointerBody>): void {
    const address = addressWithin(ip, change.ip);
    if (address === undefined) {
        throw invalidField("ip", `${change.ip} is not an address of ${ip.ip}`);
    }
    if (change.dns_ptr === null) {
        delete ip.pointers[address];
        return;
    }
    if (!hostName.test(change.dns_ptr)) {
        throw invalidField("dns_ptr", `'${change.dns_ptr}' is not a fully qualified host name`);
    }
    ip.pointers[address] = change.dns_ptr;
}

/** What the provider answers for an IPv4 address before anything was set. */
function defaultPointer(ipv4: string): string {
    return `static.${ipv4.split(".").reverse().join(".")}.clients.your-server.de`;
}

/** The PTR records of a primary IP, the provider's own included. */
export function pointerList(ip: PrimaryIpObject): { ip: string; dns_ptr: string }[] {
    const own = ip.type === "ipv4" ? { [ip.ip]: defaultPointer(ip.ip) } : {};
    return Object.entries({ ...own, ...ip.pointers }).map(([address, pointer]) => ({
        ip: address,
        dns_ptr: pointer,
    }));
}

/** The address in its shortest form when it belongs to the primary IP. */
export function addressWithin(ip: PrimaryIpObject, address: string): string | undefined {
    if (!ipaddr.isValid(address)) return undefined;
    const parsed = ipaddr.parse(address);
    if (ip.type === "ipv4") return parsed.toString() === ip.ip ? ip.ip : undefined;
    if (parsed.kind() !== "ipv6") return undefined;
    return parsed.match(ipaddr.parseCIDR(ip.ip)) ? parsed.toString() : undefined;
}
