import * as fs from "node:fs";
import * as path from "node:path";
import { configurationPage, configurationText } from "../documents/configuration";
import { projectRoot } from "../paths";

/** Writes the documents that follow from the code; with `check` only says whether they do. */
export async function docs({ check = false }: { check?: boolean } = {}): Promise<number> {
    const file = path.join(projectRoot, configurationPage);
    const wanted = await configurationText();
    if (fs.existsSync(file) && fs.readFileSync(file, "utf8") === wanted) return 0;
    if (check) {
        console.error(`${configurationPage} is not what the settings' types say: npm run docs`);
        return 1;
    }
    fs.writeFileSync(file, wanted);
    console.log(`wrote ${configurationPage}`);
    return 0;
}
