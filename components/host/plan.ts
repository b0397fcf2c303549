/** Operating systems that the host plan knows. `debian-13` is rehearsed end to end, the others are unit-tested. */
export const systems = ["debian-13", "debian-12", "ubuntu-24.04", "ubuntu-22.04"] as const;
export type System = (typeof systems)[number];
