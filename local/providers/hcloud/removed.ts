/** The reason with which the real provider refuses `datacenter`. */
export const datacenterRemoved =
    "The datacenter attribute was removed, you must use the location attribute instead. See https://docs.hetzner.cloud/changelog#2026-07-01-removing-datacenters.";
