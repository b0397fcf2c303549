/** Objects of the API, as far as the provider reads them. */

export interface ApiKey {
    id: number;
    name: string;
    fingerprint: string;
    public_key: string;
}

interface ApiAddress {
    ip_address: string;
    type: string;
}

export interface ApiDroplet {
    id: number;
    name: string;
    status: string;
    locked: boolean;
    memory: number;
    vcpus: number;
    disk: number;
    created_at: string;
    features: string[];
    image: { id: number; slug: string | null };
    region: { slug: string };
    size: { slug: string; price_hourly: number; price_monthly: number };
    networks: { v4: ApiAddress[]; v6: ApiAddress[] };
    volume_ids: string[];
    tags: string[];
    vpc_uuid: string;
}

export interface ApiVolume {
    id: string;
    name: string;
    region: { slug: string };
    size_gigabytes: number;
    description: string;
    filesystem_type: string;
    filesystem_label: string;
    droplet_ids: number[];
    tags: string[];
}

export interface ApiPeers {
    addresses?: string[];
    droplet_ids?: number[];
    tags?: string[];
    load_balancer_uids?: string[];
    kubernetes_ids?: string[];
}

export interface ApiRule {
    protocol: string;
    ports: string;
    sources?: ApiPeers;
    destinations?: ApiPeers;
}

export interface ApiFirewall {
    id: string;
    name: string;
    status: string;
    created_at: string;
    inbound_rules: ApiRule[];
    outbound_rules: ApiRule[];
    droplet_ids: number[];
    tags: string[];
    pending_changes: { droplet_id: number; removing: boolean; status: string }[];
}

export interface ApiAction {
    id: number;
    status: "in-progress" | "completed" | "errored";
    type: string;
}
