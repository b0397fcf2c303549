import * as z from "zod";
import type { Route } from "../api/listener";
import type { Machine } from "../machines/machine";
import type { Transition } from "../machines/machine-park";
import type { Account } from "./account";
import { actionBody } from "./action-routes";
import { unprocessable, unsupported } from "./api-error";
import { findSize } from "./catalogue";
import type { ActionObject, DropletObject } from "./objects";
import { hostNameField, numberParameter, parseBody } from "./route";

/** How long a system may take to shut down before its power goes. */
const shutdownSeconds = 120;

const actionFields = z.object({ type: z.string() }).loose();
const resizeFields = z.object({ size: z.string(), disk: z.boolean().nullish() });
const renameFields = z.object({ name: hostNameField });

export function dropletActionRoutes(account: Account): Route[] {
    return [
        {
            method: "POST",
            path: "/droplets/:id/actions",
            handle: (request) => {
                const droplet = account.store.get("droplet", numberParameter(request));
                const { type } = parseBody(actionFields, request);
                account.checkUnlocked(droplet);
                const act = (): ActionObject => {
                    switch (type) {
                        case "resize":
                            return resize(account, droplet, parseBody(resizeFields, request));
                        case "rename":
                            return rename(account, droplet, parseBody(renameFields, request).name);
                        default:
                            return power(account, droplet, type);
                    }
                };
                return { status: 201, body: { action: actionBody(act()) } };
            },
        },
    ];
}

const start = (machine: Machine) => machine.start();
const shutdown = async (machine: Machine) => {
    if (machine.isRunning()) await machine.shutdown(shutdownSeconds);
};
const powerOff = (machine: Machine) => machine.powerOff();

function power(account: Account, droplet: DropletObject, type: string): ActionObject {
    const isOn = account.park.isRunning(droplet.id);
    const begin = (
        transition: Transition,
        on: boolean,
        work: (machine: Machine) => Promise<void>,
    ) =>
        account.begin(droplet, transition, type, () => {
            droplet.poweredOn = on;
            account.store.save();
            return account.park.use(droplet.id, work);
        });
    switch (type) {
        case "power_on":
            if (isOn) throw unprocessable("Droplet is already powered on.");
            return begin("starting", true, start);
        case "power_off":
            if (!isOn) throw unprocessable("Droplet is already powered off.");
            return begin("stopping", false, powerOff);
        case "shutdown":
            return begin("stopping", false, shutdown);
        case "reboot":
            return begin("starting", true, async (machine) => {
                await shutdown(machine);
                await machine.start();
            });
        case "power_cycle":
            return begin("starting", true, async (machine) => {
                await machine.powerOff();
                await machine.start();
            });
        default:
            throw unsupported(`the Droplet action ${type}`);
    }
}

function resize(
    account: Account,
    droplet: DropletObject,
    { size: slug, disk }: z.output<typeof resizeFields>,
): ActionObject {
    const size = findSize(slug);
    if (!size) throw unprocessable("You specified an invalid size for Droplet resize.");
    if (size.diskGb < droplet.diskGb) {
        throw unprocessable("This size is not available because it has a smaller disk.");
    }
    if (account.park.isRunning(droplet.id)) {
        throw unprocessable("Droplet must be powered off to be resized.");
    }
    return account.begin(droplet, "migrating", "resize", async () => {
        await account.park.use(droplet.id, (machine) =>
            machine.resize({ memoryMb: size.memoryMb, cores: size.vcpus }),
        );
        droplet.size = size.slug;
        if (disk) droplet.diskGb = size.diskGb;
        account.store.save();
        account.putMachine(droplet);
    });
}

/** The PTR records follow at once; the system's own host name does not. */
function rename(account: Account, droplet: DropletObject, name: string): ActionObject {
    return account.begin(droplet, "migrating", "rename", () => {
        droplet.name = name;
        account.store.save();
        return Promise.resolve();
    });
}
