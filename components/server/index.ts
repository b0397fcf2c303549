// The machine that a mail host stands on, and the choice of who lends it.
export {
    digitalOcean,
    DigitalOceanServer,
    type DigitalOceanArgs,
    type DigitalOceanServerArgs,
} from "./digital-ocean";
export { existing, ExistingServer, type ExistingArgs, type ExistingServerArgs } from "./existing";
export { hetzner, HetznerServer, type HetznerArgs, type HetznerServerArgs } from "./hetzner";
export type { HostSecrets, Server, ServerAdapter, ServerPlan, SshConnection } from "./server";
