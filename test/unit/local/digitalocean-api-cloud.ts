import { Account } from "../../../local/cloud/digitalocean/account";
import { digitalOceanApi } from "../../../local/cloud/digitalocean/api";
import { image } from "./fake-machine";
import { TestServersApi, withApi } from "./test-api";

export const token = `dop_v1_${"a".repeat(64)}`;

/** A simulated DigitalOcean in this process, with machines that do nothing. */
export class TestOcean extends TestServersApi<Body> {
    /** Without `/v2`. */
    endpoint = "";
    readonly account: Account;

    private constructor() {
        super("ocean");
        this.account = new Account({
            ...this.files,
            images: [image(7, "debian-13", "x86"), image(9, undefined, "x86")],
            addresses: {
                size: 20,
                ipv4: (index) => `198.18.7.${index + 130}`,
                ipv6: (index) => `2001:db8:7:${(index + 130).toString(16)}::/64`,
            },
            createMachine: this.createMachine,
        });
    }

    static async open(): Promise<TestOcean> {
        const ocean = new TestOcean();
        const { account, requestLog, faults } = ocean;
        ocean.endpoint = await ocean.listen(
            digitalOceanApi(account, { token, requestLog, faults }),
        );
        return ocean;
    }

    protected override idle(): Promise<void> {
        return this.account.idle();
    }

    /** Sends a request under `/v2`. */
    send(method: string, route: string, body?: object, as = token): Promise<Answer> {
        return this.exchange(method, `${this.endpoint}/v2${route}`, as, body);
    }

    /** As {@link send}, and waits until what it began is over. */
    async call(method: string, route: string, body?: object): Promise<Answer> {
        const answer = await this.send(method, route, body);
        await this.idle();
        return answer;
    }

    /** A Droplet that is up. */
    async droplet(fields: object = {}): Promise<ApiObject> {
        const { body } = await this.call("POST", "/droplets", {
            ...{ name: "mx.example.com", size: "s-2vcpu-4gb", image: "debian-13-x64" },
            ...{ region: "fra1", ipv6: true },
            ...fields,
        });
        return (await this.send("GET", `/droplets/${body.droplet!.id}`)).body.droplet!;
    }

    async volume(fields: object = {}): Promise<ApiObject> {
        const volume = { name: "data", size_gigabytes: 10, region: "fra1", ...fields };
        return (await this.call("POST", "/volumes", volume)).body.volume!;
    }
}

/** Runs with a cloud of its own. */
export const withOcean = (run: (ocean: TestOcean) => Promise<void>) =>
    withApi(TestOcean.open(), run);

export interface ApiObject {
    id: number | string;
    [field: string]: unknown;
}

/** What answers hold, as far as tests read them. */
export interface Body {
    /** Of an error. */
    id?: string;
    message?: string;
    droplet?: ApiObject;
    droplets?: ApiObject[];
    volume?: ApiObject;
    volumes?: ApiObject[];
    firewall?: ApiObject;
    firewalls?: ApiObject[];
    ssh_key?: ApiObject;
    ssh_keys?: ApiObject[];
    action?: ApiObject & { status: string };
    project?: ApiObject;
    resources?: { urn: string; status: string }[];
    links?: { pages?: Record<string, string> };
    meta?: { total: number };
    [field: string]: unknown;
}

export interface Answer {
    status: number;
    body: Body;
}
