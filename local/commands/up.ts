import { renderRecordsTable } from "../../components/dns/records-table";
import { startCloud } from "../cloud/start";
import { ensureEngine, type Engine } from "../engine/find-engine";
import { LocalStack } from "../engine/stack";
import { buildImage, type ImageSet } from "../image/build-image";
import {
    defaultCloud,
    dnsOf,
    lastCloudInfo,
    localConfig,
    readStatus,
    rememberHost,
    snapshotFor,
    writeTimings,
} from "../laptop";
import type { CloudInfo, MachineKind } from "../paths";
import { runSteps, type Timings } from "../progress";
import { ensureSystemPackages } from "../requirements";
import { describeStatus } from "../status";
import { addZones } from "../zones";
import { chooseKind } from "../cloud/machines/choose-kind";

/**
 * The main job: sets up everything that is missing, starts the laptop cloud and runs `pulumi up` on the `local` stack.
 */
export async function up(options: { machine?: MachineKind }): Promise<number> {
    const started = Date.now();
    let engine!: Engine;
    let images!: ImageSet;
    let info!: CloudInfo;
    let stack!: LocalStack;
    const before = lastCloudInfo(defaultCloud);
    if (before && options.machine && before.kind !== options.machine) {
        throw new Error(
            `This laptop cloud's machine is a ${before.kind}. To change to --machine ${options.machine}, delete it first: npm run local -- down --delete`,
        );
    }
    const choice = await chooseKind(options.machine ?? before?.kind);
    console.error(`Machine: ${choice.kind} (${choice.reason})`);
    if (choice.accelerator === "tcg") {
        console.error(
            "Under software emulation the machine boots from an image that has the packages already; the stock image would install them for minutes.",
        );
    }

    const timings: Timings = await runSteps([
        {
            title: "System packages",
            run: (report) => ensureSystemPackages(["image", choice.kind], report),
        },
        {
            title: "Pulumi engine",
            group: "make",
            run: async (report) => void (engine = await ensureEngine(report)),
        },
        {
            title: "Machine image",
            group: "make",
            run: async (onProgress) => void (images = await buildImage({ onProgress })),
        },
        {
            title: "Laptop cloud",
            run: async () =>
                void (info = await startCloud({ name: defaultCloud, kind: choice.kind })),
        },
        {
            title: "Pulumi stack",
            run: async () => {
                const snapshot = snapshotFor(info.accelerator, images.images);
                stack = new LocalStack(engine, info);
                await stack.prepare(localConfig(snapshot));
                await addZones(info, stack);
            },
        },
    ]);

    const begin = Date.now();
    const code = await stack.pulumiInForeground([
        "up",
        "--yes",
        "--skip-preview",
        "--suppress-outputs",
    ]);
    timings["pulumi up"] = (Date.now() - begin) / 1000;
    writeTimings(defaultCloud, timings);
    if (code !== 0) {
        console.error(
            "\n`pulumi up` failed, see above. Nothing that ran before was stopped. Mend the cause and run `npm run local` again;\n" +
                "after a killed one run `npm run local -- recover` first.",
        );
        return code;
    }
    const { ssh } = await readStatus(defaultCloud, false);
    const outputs = await stack.outputs();
    rememberHost(defaultCloud, ssh, outputs);
    const dns = dnsOf(outputs);
    if (dns) console.log(`\n${renderRecordsTable(dns.plan, dns.values)}`);
    const status = await readStatus(defaultCloud, true);
    console.log(
        `\n${describeStatus(status)}\n\n${describeTimings(timings, started)}\n\n${nextSteps}`,
    );
    return 0;
}

function describeTimings(timings: Timings, started: number): string {
    const rows = Object.entries(timings).map(
        ([step, seconds]) => `${step.padEnd(20)} ${seconds.toFixed(1).padStart(7)} s`,
    );
    rows.push(`${"total".padEnd(20)} ${((Date.now() - started) / 1000).toFixed(1).padStart(7)} s`);
    return rows.join("\n");
}

const nextSteps = `Next:
  npm run local -- ssh                   log in
  npm run local -- status                what runs, and what is wrong
  npm run local -- dns                   the DNS records
  npm run pulumi -- preview              pulumi, as typed, on this stack
  npm run local -- down                  shut it down; --delete forgets it`;
