import { defaultCloud, readStatus } from "../laptop";
import { describeStatus } from "../status";

export async function status(options: { json?: boolean }): Promise<number> {
    const found = await readStatus(defaultCloud, true);
    console.log(options.json ? JSON.stringify(found, undefined, 2) : describeStatus(found));
    return 0;
}
