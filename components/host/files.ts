import type { HostFile, HostPlanArgs, Sysctl } from "./plan";

/** Every file of the host. */
export function hostFiles(_args: HostPlanArgs, _sysctls: readonly Sysctl[]): HostFile[] {
    return [];
}
