// The machine that a mail host stands on, and the choice of who lends it.
export {
    digitalOcean,
    DigitalOceanServer,
    type DigitalOceanArgs,
    type DigitalOceanServerArgs,
} from "./digital-ocean";
export { hetzner, HetznerServer, type HetznerArgs, type HetznerServerArgs } from "./hetzner";
export type { HostSecrets, Server, ServerAdapter, ServerPlan, SshConnection } from "./server";
