import { planHost, type ServerPlan } from "../../../components";
import type { HostPlanArgs } from "../../../components/host/plan";
import { planArguments } from "../../unit/host/arguments";

/** What a server is made for, with these changes to the host's plan. */
export function serverPlan(changes: Partial<HostPlanArgs> = {}): ServerPlan {
    const { fqdn } = planArguments;
    const openTcpPorts = [25, 443];
    const host = planHost({ ...planArguments, openTcpPorts, ...changes });
    return { fqdn, host, openTcpPorts, protect: true };
}
