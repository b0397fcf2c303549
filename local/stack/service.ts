import * as fs from "node:fs";
import type * as net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { readEnvironment, type Environment } from "./environment";
import { pingMongo } from "./mongo";
import { askRedis } from "./redis";

declare const STAND_IN_VERSION: string;

/** How long a database may be away when a service starts. */
const databaseSeconds = 5;

/** Below the 10 s after which Docker kills, with time left to say so. */
const stopSeconds = 4.5;

/** What a service has to do its work with. */
export interface Service {
    name: string;
    environment: Environment;
    log(line: string): void;
}

/** Ends a service's work: nothing new is taken, what is under way is finished. */
export type Stop = () => Promise<void> | void;

/** Runs a service until SIGTERM. `prepare` reads its files; `start` comes when the databases answer. */
export async function runService<T = undefined>(
    name: string,
    parts: {
        prepare?(service: Service): T;
        start(service: Service, prepared: T): Promise<Stop> | Stop;
    },
): Promise<void> {
    const log = (line: string) => console.log(`${new Date().toISOString()} ${name}: ${line}`);
    log(`the laptop cloud's stand-in of Forward Email, version ${STAND_IN_VERSION}`);
    let stop: Stop = () => undefined;
    const end = async () => {
        log("SIGTERM: stopping");
        await Promise.race([stop(), sleep(stopSeconds * 1000)]);
        process.exit(0);
    };
    process.once("SIGTERM", () => void end());
    process.once("SIGINT", () => void end());

    const environment = readEnvironment(process.cwd(), process.env);
    const service = { name, environment, log };
    // Part of the configuration that every service reads.
    const systemKey = environment.text("DKIM_PRIVATE_KEY_PATH");
    if (systemKey !== "") fs.readFileSync(systemKey);
    const prepared = parts.prepare?.(service) as T;
    await Promise.all([
        answers("MongoDB", () => pingMongo(environment)),
        answers("Redis", () => askRedis(environment, "PING")),
    ]);
    stop = await parts.start(service, prepared);
}

async function answers(what: string, ask: () => Promise<unknown>): Promise<void> {
    const deadline = Date.now() + databaseSeconds * 1000;
    for (;;) {
        try {
            await ask();
            return;
        } catch (error) {
            if (Date.now() > deadline) {
                throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
            }
            await sleep(200);
        }
    }
}

/** Listens at every address; an error, such as EACCES for a port below what a user may bind, ends the service. */
export async function listen(
    service: Service,
    server: Pick<net.Server, "listen" | "once" | "off">,
    port: number,
): Promise<void> {
    await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, "::", () => {
            server.off("error", reject);
            resolve();
        });
    });
    service.log(`listening on port ${port}`);
}
