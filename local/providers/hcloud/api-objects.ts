/** Objects of the API, as far as the provider reads them. */

interface ApiObject {
    id: number;
    name: string;
    labels: Record<string, string>;
}

export interface ApiSshKey extends ApiObject {
    fingerprint: string;
    public_key: string;
}

export interface ApiPrimaryIp extends ApiObject {
    type: string;
    ip: string;
    location: { name: string };
    assignee_id: number | null;
    assignee_type: string;
    auto_delete: boolean;
    protection: { delete: boolean };
    dns_ptr: { ip: string; dns_ptr: string }[];
}

export interface ApiFirewallRule {
    direction: string;
    protocol: string;
    port: string | null;
    source_ips: string[];
    destination_ips: string[];
    description: string | null;
}

export type ApiFirewallTarget =
    | { type: "server"; server: { id: number } }
    | { type: "label_selector"; label_selector: { selector: string } };

export interface ApiFirewall extends ApiObject {
    rules: ApiFirewallRule[];
    applied_to: ApiFirewallTarget[];
}

export interface ApiVolume extends ApiObject {
    size: number;
    server: number | null;
    location: { name: string };
    linux_device: string;
    format: string | null;
    protection: { delete: boolean };
}

export interface ApiServerType {
    name: string;
    architecture: string;
    disk: number;
}

export interface ApiServer extends ApiObject {
    status: string;
    server_type: ApiServerType;
    image: { id: number; name: string | null } | null;
    location: { name: string };
    primary_disk_size: number;
    backup_window: string | null;
    protection: { delete: boolean; rebuild: boolean };
    public_net: {
        ipv4: { id: number; ip: string; dns_ptr: string } | null;
        ipv6: { id: number; ip: string; dns_ptr: { ip: string; dns_ptr: string }[] } | null;
        firewalls: { id: number }[];
    };
}
