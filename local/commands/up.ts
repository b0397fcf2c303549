import { readRecords } from "../../cli/dns";
import { startCloud } from "../cloud/start";
import { ensureEngine, type Engine } from "../engine/find-engine";
import { LocalStack } from "../engine/stack";
import { buildImage, type ImageSet } from "../image/build-image";
import {
    defaultCloud,
    lastCloudInfo,
    localConfig,
    providerOfStack,
    readStatus,
    rememberHost,
    snapshotFor,
    withRebuiltImages,
    writeTimings,
    type HostSources,
    type ServerProviderName,
} from "../laptop";
import type { CloudInfo, MachineKind } from "../paths";
import { runSteps, type Timings } from "../progress";
import { writeProofs, type Proof } from "../proof/proof";
import { renderProofTable } from "../proof/proof-table";
import { prove } from "../proof/prove";
import { setStackSetting } from "../proof/stack-setting";
import {
    changedNothing,
    countApiWrites,
    describeChanges,
    lastChanges,
} from "../proof/update-summary";
import { ensureSystemPackages } from "../requirements";
import { describeStatus } from "../status";
import { addZones } from "../zones";
import { chooseKind } from "../cloud/machines/choose-kind";
import { machineLine } from "./machine-line";
import { onLocalStack } from "./pulumi";
import { recordsText } from "./records-text";
import { refuseOtherProvider } from "./refuse-other-provider";
import { serviceSteps } from "./service-steps";

/**
 * The main job: sets up everything that is missing, starts the laptop cloud, runs `pulumi up` on the `local` stack and
 * proves of the host what it is for.
 */
export async function up(options: {
    machine?: MachineKind;
    provider?: ServerProviderName;
}): Promise<number> {
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
    refuseOtherProvider(options.provider, providerOfStack(defaultCloud));
    const choice = await chooseKind(options.machine ?? before?.kind, before !== undefined);
    console.error(machineLine(choice, options.machine !== undefined, before));
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
        ...serviceSteps(),
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
                await stack.prepare(localConfig(snapshot, info, options.provider));
                await useRebuiltImages(stack, info);
                await addZones(info, stack);
            },
        },
    ]);

    const proofs: Proof[] = [];
    const finish = (): number => {
        writeTimings(defaultCloud, { ...timings, ...secondsOf(proofs) });
        writeProofs(defaultCloud, proofs);
        const seconds = (Date.now() - started) / 1000;
        console.log(`\n${renderProofTable(timings, proofs, seconds)}`);
        return proofs.every(({ ok }) => ok) ? 0 : 1;
    };

    const records = () => readRecords(onLocalStack(stack));
    const recordsBefore = await records().catch(() => undefined);
    const first = await updated(stack);
    proofs.push(first);
    if (!first.ok) {
        finish();
        console.error(
            "\n`pulumi up` failed: what it says above has the cause, and what serves now. What it did not reach runs as before.\n" +
                "Mend the cause and run `npm run local` again; after a killed one run `npm run local -- recover` first.",
        );
        return 1;
    }
    const proving = prove({
        cloud: defaultCloud,
        status: await readStatus(defaultCloud, false),
        stack,
        up: async () => {
            const { ok, detail } = await updated(stack);
            if (!ok) throw new Error(detail);
            return detail;
        },
    });
    proofs.push(...(await proving.catch(notProven)));
    const recordsNow = await records().then(
        (now) => recordsText(recordsBefore, now),
        ({ message }: Error) => message,
    );
    console.log(`\n${recordsNow}`);
    const code = finish();
    console.log(`\n${describeStatus(await readStatus(defaultCloud, true))}\n\n${nextSteps}`);
    if (code !== 0) {
        console.error(
            "\nNot everything could be proven, see the table. The host runs: look at the logs that it names, mend the cause and run `npm run local` again.",
        );
    }
    return code;
}

/** `pulumi up` on this terminal, and what it did; what it has told of the host is remembered. */
async function updated(stack: LocalStack): Promise<Proof> {
    const began = Date.now();
    const writesBefore = countApiWrites(defaultCloud);
    const code = await stack.pulumiInForeground([
        ...["up", "--yes", "--skip-preview", "--suppress-outputs"],
    ]);
    const proof = (ok: boolean, detail: string): Proof => ({
        ...{ name: "pulumi up", ok, detail },
        seconds: Math.round((Date.now() - began) / 100) / 10,
    });
    const outputs = await stack.outputs();
    // One that fails on the host has told of it all the same, and one that fails before has not.
    if (outputs["sshPrivateKey"]) await rememberHost(defaultCloud, outputs);
    if (code !== 0) return proof(false, `it ended with ${code}, see above`);
    const writes = countApiWrites(defaultCloud) - writesBefore;
    const changes = await lastChanges(stack);
    if (!changes || !changedNothing(changes)) return proof(true, describeChanges(changes ?? {}));
    if (writes > 0) {
        return proof(false, `nothing was to change, yet ${writes} requests wrote to an API`);
    }
    return proof(true, `nothing to change, nothing written: ${describeChanges(changes)}`);
}

/** Without a host to look at nothing can be tried; the table tells that too. */
function notProven(error: unknown): Proof[] {
    const detail = error instanceof Error ? error.message : String(error);
    return [{ name: "proofs", ok: false, detail, seconds: 0 }];
}

/** An image of the laptop cloud that was built anew has another digest, and the old one may be gone. */
async function useRebuiltImages(stack: LocalStack, { images }: HostSources): Promise<void> {
    const key = "mailhost:stack";
    const value = withRebuiltImages(stack.setting(key), images);
    if (value) await setStackSetting(stack, key, value);
}

/** Step → seconds: what was proven is as much a step as what was made. */
function secondsOf(proofs: readonly Proof[]): Timings {
    return Object.fromEntries(proofs.map(({ name, seconds }) => [name, seconds]));
}

const nextSteps = `Next:
  npm run local -- ssh                   log in
  npm run local -- status                what runs, and what is wrong
  npm run local -- dns                   the DNS records
  npm run pulumi -- preview              pulumi, as typed, on this stack
  npm run local -- down                  shut it down; --delete forgets it`;
