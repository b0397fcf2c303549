import { dnsText, type DnsOptions } from "../../cli/dns";
import { stackName } from "../engine/stack";
import { openStack } from "./pulumi";

/** `mailhost dns` for the `local` stack. */
export async function dnsLocal(options: DnsOptions): Promise<number> {
    const stack = await openStack();
    const text = await dnsText({
        ...options,
        stack: stackName,
        pulumi: (args, options) => stack.pulumi(args, options),
    });
    process.stdout.write(text);
    return 0;
}
