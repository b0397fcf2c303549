import type { ServerProviderName } from "../laptop";

/**
 * A server does not move between providers, and neither does its data.
 *
 * @param present whose server it is so far; undefined before there is one.
 * @throws Error that says how to begin anew.
 */
export function refuseOtherProvider(
    asked: ServerProviderName | undefined,
    present: string | undefined,
): void {
    if (asked === undefined || present === undefined || asked === present) return;
    throw new Error(
        `The server of this laptop cloud is from ${present}. To change to --provider ${asked}, delete it first: npm run local -- down --delete`,
    );
}
