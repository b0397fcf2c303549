import { askRedis } from "./redis";
import type { Service, Stop } from "./service";

const beatSeconds = 30;

/** All that a worker does that has no jobs here: it says in Redis that it lives. */
export async function heartbeat(service: Service): Promise<Stop> {
    const beat = () =>
        askRedis(service.environment, "SET", `heartbeat:${service.name}`, String(Date.now()));
    await beat();
    const timer = setInterval(() => {
        beat().catch((error: unknown) => service.log(`error: ${String(error)}`));
    }, beatSeconds * 1000);
    service.log("running");
    return () => clearInterval(timer);
}
