/** The ports of the services' address that machines know beside the package repository's. */
export const servicePorts = { dns: 53, mail: 25, registry: 5000, acme: 14000 } as const;

export type Service = keyof typeof servicePorts;

/** What machines are told of the laptop cloud's services, and how a VM gets to them. */
export interface MachineServices {
    /** PEM of the authority that signs the services' certificates. */
    authority: string;
    /** Where each listens on 127.0.0.1, if it does: a VM's connections to the services' address end there. */
    localPorts: Record<Service, number>;
}
