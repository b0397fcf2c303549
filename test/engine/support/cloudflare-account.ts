import { TestCloudflare } from "../../unit/local/cloudflare-api-cloud";
import { recordLine } from "./published-host";

export { cloudflareToken } from "../../unit/local/cloudflare-api-cloud";

/** A record in the API, as far as tests look at it. */
export interface AccountRecord {
    id: string;
    name: string;
    type: string;
    content: string;
    ttl: number;
    comment: string | null;
    priority?: number;
    data?: Record<string, unknown>;
}

/** The simulated Cloudflare API in this process, as the owner of its zones sees it. */
export class CloudflareAccount {
    private constructor(private readonly cloud: TestCloudflare) {}

    static async open(): Promise<CloudflareAccount> {
        return new CloudflareAccount(await TestCloudflare.open());
    }

    get baseUrl(): string {
        return this.cloud.baseUrl;
    }

    get faults(): TestCloudflare["faults"] {
        return this.cloud.faults;
    }

    /** @returns what the API answers with; throws where it refuses. */
    async call<T>(method: string, route: string, body?: object): Promise<T> {
        const { success, errors, result } = await this.cloud.call<T>(method, route, body);
        if (!success) throw new Error(`${method} ${route}: ${JSON.stringify(errors)}`);
        return result;
    }

    /** @returns the zone's id. */
    addZone(name: string): Promise<string> {
        return this.cloud.addZone(name);
    }

    /** Every record of a zone, sorted by name, type and content. */
    async records(zone: string): Promise<AccountRecord[]> {
        const route = `/zones/${await this.zoneId(zone)}/dns_records?per_page=5000`;
        const records = await this.call<AccountRecord[]>("GET", route);
        const key = ({ name, type, content }: AccountRecord) => `${name} ${type} ${content}`;
        return records.sort((a, b) => (key(a) < key(b) ? -1 : 1));
    }

    async addRecord(zone: string, record: object): Promise<AccountRecord> {
        return this.call("POST", `/zones/${await this.zoneId(zone)}/dns_records`, record);
    }

    /** What the DNS server was given to answer from, a line a record, sorted. */
    publishedLines(zone: string): string[] {
        const content = this.cloud.publisher.zones.get(zone);
        return (content?.records ?? []).map(recordLine).sort();
    }

    /** Whether the zone is signed by DNSSEC. */
    isSigned(zone: string): boolean {
        return this.cloud.publisher.zones.get(zone)?.signed ?? false;
    }

    /** What was written while something ran, a line a request. */
    async writesDuring(run: () => Promise<unknown>): Promise<string[]> {
        const before = this.cloud.requests().length;
        await run();
        return this.cloud
            .requests()
            .slice(before)
            .filter(({ method }) => method !== "GET")
            .map(({ method, path, status }) => `${method} ${path} ${status}`);
    }

    /** How many requests were committed and left without an answer. */
    hanging(): number {
        return this.cloud.requests().filter(({ status }) => status === "hang").length;
    }

    close(): Promise<void> {
        return this.cloud.close();
    }

    private async zoneId(name: string): Promise<string> {
        const [zone] = await this.call<{ id: string }[]>("GET", `/zones?name=${name}`);
        if (!zone) throw new Error(`There is no zone ${name}.`);
        return zone.id;
    }
}
