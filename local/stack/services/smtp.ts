import addressparser from "nodemailer/lib/addressparser";
import { Accounts } from "../accounts";
import { maximumQueuedBytes, queueEmail } from "../emails";
import { runService } from "../service";
import { bytesOf, serveSmtp, SmtpRefusal } from "../smtp-service";
import { readTlsFiles } from "../tls-files";

const implicitTlsPorts = [465, 2465];

void runService("smtp", {
    prepare: ({ environment }) => readTlsFiles(environment, "WEB"),
    start: (service, tls) => {
        const { environment } = service;
        const port = environment.number("SMTP_PORT");
        const maximum = bytesOf(environment.text("SMTP_MESSAGE_MAX_SIZE"));
        return serveSmtp(service, {
            port,
            tls,
            implicitTls: implicitTlsPorts.includes(port),
            maximumBytes: Math.min(maximum, maximumQueuedBytes),
            async authenticate(username, password) {
                const accounts = await Accounts.open(environment);
                const alias = await accounts.authenticate(username, password);
                if (!alias) throw new SmtpRefusal(535, "5.7.8 Error: wrong user or password");
                if (!(await accounts.domain(alias.domain))?.has_smtp) {
                    throw new SmtpRefusal(
                        535,
                        "5.7.1 Error: the domain is pending admin approval for outbound SMTP",
                    );
                }
                return alias._id;
            },
            sender(address, user) {
                if (address.toLowerCase() === user) return;
                throw new SmtpRefusal(553, "5.7.1 Error: the sender has to be your own address");
            },
            async message(message, { envelope }, from) {
                if (authorOf(message) !== from) {
                    throw new SmtpRefusal(550, "5.7.1 Error: From has to be your own address");
                }
                const accounts = await Accounts.open(environment);
                const domain = await accounts.domain(from.slice(from.lastIndexOf("@") + 1));
                if (!domain) throw new SmtpRefusal(550, "5.7.1 Error: the domain is gone");
                const id = await queueEmail(environment, {
                    ...{ domain: domain._id, owner: domain.owner, message },
                    envelope: { from, to: envelope.rcptTo.map(({ address }) => address) },
                });
                service.log(`email ${id} queued`);
                return `2.0.0 OK: queued as ${id}`;
            },
        });
    },
});

/** The address in From; undefined unless it is a single one. */
function authorOf(message: Buffer): string | undefined {
    const text = message.toString("latin1");
    const header = text.slice(0, /\r?\n\r?\n/.exec(text)?.index ?? text.length);
    const fields = [...header.matchAll(/^from:((?:.*)(?:\r?\n[ \t].*)*)/gim)];
    const authors = fields.flatMap(([, value = ""]) => addressparser(value, { flatten: true }));
    return authors.length === 1 ? authors[0]!.address.toLowerCase() : undefined;
}
