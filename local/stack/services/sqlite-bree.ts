import { heartbeat } from "../heartbeat";
import { checkStorage } from "../mail-store";
import { runService } from "../service";

void runService("sqlite_bree", {
    prepare: ({ environment }) => checkStorage(environment),
    start: (service) => heartbeat(service),
});
