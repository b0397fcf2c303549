import type { PlanName } from "./store";

interface Plan {
    name: string;
    records: number;
    commentCharacters: number;
    tags: number;
}

/** Source: developers.cloudflare.com/dns, "DNS records" and "Record attributes"; of zones made since September 2024. */
export const plans: Record<PlanName, Plan> = {
    free: { name: "Free Website", records: 200, commentCharacters: 100, tags: 0 },
    pro: { name: "Pro Website", records: 3500, commentCharacters: 500, tags: 20 },
};
