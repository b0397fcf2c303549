import * as os from "node:os";
import { Accounts } from "../accounts";
import { storeMessage } from "../mail-store";
import { runService } from "../service";
import { bytesOf, serveSmtp, SmtpRefusal } from "../smtp-service";
import { sayWhetherSqliteAnswers } from "../sqlite-client";
import { readTlsFiles } from "../tls-files";

void runService("mx", {
    prepare: ({ environment }) => readTlsFiles(environment, "WEB"),
    start: (service, tls) => {
        const { environment } = service;
        return serveSmtp(service, {
            port: environment.number("MX_PORT"),
            tls,
            implicitTls: false,
            maximumBytes: bytesOf(environment.text("SMTP_MESSAGE_MAX_SIZE")),
            async recipient(address) {
                const alias = await (await Accounts.open(environment)).alias(address);
                if (!alias?.has_imap)
                    throw new SmtpRefusal(550, "5.1.1 Error: no such mailbox here");
            },
            async message(message, { envelope, remoteAddress, hostNameAppearsAs, secure, id }) {
                const sender = envelope.mailFrom === false ? "" : envelope.mailFrom.address;
                const received = new Date().toUTCString().replace("GMT", "+0000");
                const addresses = new Set(
                    envelope.rcptTo.map(({ address }) => address.toLowerCase()),
                );
                for (const address of addresses) {
                    const trace = [
                        `Return-Path: <${sender}>`,
                        `Delivered-To: ${address}`,
                        `Received: from ${hostNameAppearsAs || "unknown"} ([${remoteAddress}])`,
                        `\tby ${os.hostname()} with ESMTP${secure ? "S" : ""} id ${id}; ${received}`,
                        "",
                    ].join("\r\n");
                    const uid = await storeMessage(
                        environment,
                        address,
                        Buffer.concat([Buffer.from(trace), message]),
                    );
                    service.log(`message ${uid} stored for ${address}`);
                    // The real one has it store the message, and keeps it elsewhere when it can't.
                    sayWhetherSqliteAnswers(service);
                }
                return "2.0.0 OK: message stored";
            },
        });
    },
});
