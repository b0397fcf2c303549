// A process with a DNS server of its own, for a test to end: prints a line when the server answers.
import { startKnot } from "../../../local/cloud/dns/knot";

async function serve(directory: string): Promise<void> {
    const server = await startKnot({ directory, hosts: ["127.0.0.1"], port: 0 });
    const records = [{ name: "left.test", type: "A", ttl: 300, rdata: "192.0.2.1" }];
    await server.publish({ name: "left.test", signed: false, records });
    setInterval(() => undefined, 1000);
    console.log("ready");
}

void serve(process.argv[2] ?? "");
