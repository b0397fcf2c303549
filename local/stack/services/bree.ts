import { heartbeat } from "../heartbeat";
import { runService } from "../service";

void runService("bree", { start: (service) => heartbeat(service) });
