import * as pulumi from "@pulumi/pulumi";
import {
    digitalOcean,
    existing,
    hetzner,
    type DigitalOceanArgs,
    type ExistingArgs,
    type HetznerArgs,
    type ServerAdapter,
} from "../components";
import type { ServerConfig } from "./server-config";

/** The adapter that the configuration chooses; without a problem it has what that one requires. */
export function serverOf(server: ServerConfig, sshPrivateKey: string | undefined): ServerAdapter {
    switch (server.provider) {
        case "digitalocean":
            return digitalOcean(server as DigitalOceanArgs);
        case "existing":
            return existing({
                ...(server as ExistingArgs),
                sshPrivateKey: pulumi.secret(sshPrivateKey ?? ""),
            });
        case "hetzner":
        case undefined:
            return hetzner(server as HetznerArgs);
    }
}
