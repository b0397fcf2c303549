import { ensureGoProgram } from "../go-programs/build";
import { buildStackImages } from "../image/stack-images";
import type { Step } from "../progress";

/** Makes what the laptop cloud's services are: the certificate authority's program, and the images in the registry. */
export function serviceSteps(): Step[] {
    return [
        {
            title: "ACME server",
            group: "make",
            run: async (report) => void (await ensureGoProgram("pebble", report)),
        },
        {
            title: "Mail images",
            group: "make",
            run: async (onProgress) => void (await buildStackImages({ onProgress })),
        },
    ];
}
