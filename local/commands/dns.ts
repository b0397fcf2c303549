import { dnsText, type DnsOptions } from "../../cli/dns";
import { onLocalStack, openStack } from "./pulumi";

/** `mailhost dns` for the `local` stack. */
export async function dnsLocal(options: DnsOptions): Promise<number> {
    process.stdout.write(await dnsText({ ...options, ...onLocalStack(await openStack()) }));
    return 0;
}
