import { stackName, type LocalStack } from "../engine/stack";

/**
 * Sets a key of a stack's configuration to an object or list.
 *
 * @throws Error with what the engine said.
 */
export async function setStackSetting(
    stack: LocalStack,
    key: string,
    value: object,
): Promise<void> {
    const entry = { objectValue: value, value: JSON.stringify(value), secret: false };
    const json = JSON.stringify({ [key]: entry });
    const { code, stdout, stderr } = await stack.pulumi([
        ...["config", "set-all", "--stack", stackName, "--json", json],
    ]);
    if (code !== 0) throw new Error(`pulumi config set-all ${key} failed:\n${stdout}${stderr}`);
}
