import type { Context } from "../../../local/providers/handler";

/** What a handler is given, with everything that it said. */
export function testContext(
    signal: AbortSignal = new AbortController().signal,
): Context & { said: string[] } {
    const said: string[] = [];
    return {
        config: {},
        urn: "urn:pulumi:stack::project::type::name",
        name: "name",
        said,
        log: (severity, message) => said.push(`${severity}: ${message}`),
        status: (message) => said.push(message),
        signal,
    };
}
