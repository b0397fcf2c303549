import { serveLines } from "../line-server";
import { converseInPop3 } from "../pop3-session";
import { runService } from "../service";
import { sayWhetherSqliteAnswers } from "../sqlite-client";
import { readTlsFiles } from "../tls-files";

void runService("pop3", {
    prepare: ({ environment }) => readTlsFiles(environment, "WEB"),
    start: async (service, tls) => {
        const stop = await serveLines(service, {
            port: service.environment.number("POP3_PORT"),
            tls,
            goodbye: "",
            converse: (client) => converseInPop3(service, client),
        });
        sayWhetherSqliteAnswers(service);
        return stop;
    },
});
