// What a host is set up as, and how it is kept so.
export { planHost, type HostPlan, type HostPlanArgs, type System } from "./plan";
export { HostSetup } from "./host-setup";
export { DataGuard } from "./data-guard";
