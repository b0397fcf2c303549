import { serverTypes } from "./catalogue";
import { findLocation, imageBody, serverTypeBody } from "./catalogue-routes";
import type { ServerObject } from "./objects";
import { pointerList } from "./pointers";
import type { Project } from "./project";

/** A server as the API shows it. */
export function serverBody(project: Project, server: ServerObject): object {
    const ipv4 = project.primaryIp(server, "ipv4");
    const ipv6 = project.primaryIp(server, "ipv6");
    const type = serverTypes.find((candidate) => candidate.name === server.serverType);
    return {
        id: server.id,
        name: server.name,
        status: project.status(server),
        server_type: type ? serverTypeBody(type) : null,
        image: imageBody({ ...server.image, osFlavor: "unknown", osVersion: null }),
        location: findLocation(server.location),
        public_net: {
            ipv4: ipv4
                ? {
                      id: ipv4.id,
                      ip: ipv4.ip,
                      blocked: false,
                      dns_ptr: pointerList(ipv4)[0]?.dns_ptr,
                  }
                : null,
            ipv6: ipv6
                ? { id: ipv6.id, ip: ipv6.ip, blocked: false, dns_ptr: pointerList(ipv6) }
                : null,
            floating_ips: [],
            firewalls: project
                .firewallsOf(server)
                .map((firewall) => ({ id: firewall.id, status: "applied" })),
        },
        private_net: [],
        volumes: project.volumesOf(server).map((volume) => volume.id),
        labels: server.labels,
        protection: server.protection,
        primary_disk_size: server.diskGb,
        locked: false,
        rescue_enabled: false,
        backup_window: null,
        iso: null,
        placement_group: null,
        load_balancers: [],
        included_traffic: 0,
        ingoing_traffic: 0,
        outgoing_traffic: 0,
        created: server.created,
    };
}
