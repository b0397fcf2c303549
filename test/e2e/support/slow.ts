/** Set it to 1 to run what takes too long to be in everybody's way, as before a release. */
const variable = "MAILHOST_SLOW_TESTS";

/**
 * Why a test that takes long is not run here, to be shown; undefined when it was asked for.
 *
 * @param reason why it takes long.
 */
export function whyTooSlow(reason: string): string | undefined {
    return process.env[variable] === "1" ? undefined : `${reason}: ${variable}=1 runs it`;
}
