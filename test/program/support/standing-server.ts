import * as pulumi from "@pulumi/pulumi";
import type { Server } from "../../../components";

export const privateKey =
    "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n";
export const hostKey = "ssh-ed25519 AAAAhost";

/** A server that stands already, at 192.0.2.25 with SSH at port 2222. */
export function standingServer(changes: Partial<Server> = {}): Server {
    const address = { ipv4: pulumi.output("192.0.2.25"), ipv6: pulumi.output("2001:db8:25::1") };
    return {
        inbound: address,
        outbound: address,
        ssh: { host: address.ipv4, port: 2222, user: "root", privateKey, hostKey },
        machineId: pulumi.output("4711"),
        dataDevice: pulumi.output("/dev/sdb"),
        ready: [],
        nextSteps: [],
        ...changes,
    };
}
