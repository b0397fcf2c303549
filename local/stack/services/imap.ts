import { converseInImap } from "../imap-session";
import { serveLines } from "../line-server";
import { runService } from "../service";
import { sayWhetherSqliteAnswers } from "../sqlite-client";
import { readTlsFiles } from "../tls-files";

void runService("imap", {
    prepare: ({ environment }) => readTlsFiles(environment, "WEB"),
    start: async (service, tls) => {
        const stop = await serveLines(service, {
            port: service.environment.number("IMAP_PORT"),
            tls,
            goodbye: "* BYE the server is shutting down\r\n",
            converse: (client) => converseInImap(service, client),
        });
        sayWhetherSqliteAnswers(service);
        return stop;
    },
});
