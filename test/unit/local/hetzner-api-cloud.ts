import { hetznerApi } from "../../../local/cloud/hetzner/api";
import { Project } from "../../../local/cloud/hetzner/project";
import { laptopApi, laptopPrefix } from "../../../local/cloud/laptop-api";
import { image } from "./fake-machine";
import { TestServersApi, withApi } from "./test-api";

export const token = "t".repeat(64);

/** A simulated Hetzner Cloud in this process, with machines that do nothing. */
export class TestCloud extends TestServersApi<Body> {
    endpoint = "";
    quits: boolean[] = [];
    /** What was done to the servers beside the API's. */
    readonly services: string[] = [];
    readonly project: Project;
    beforeAnswer: () => Promise<void> = () => Promise.resolve();

    private constructor(root: string | undefined) {
        super("hetzner", root);
        this.project = new Project({
            ...this.files,
            architecture: "x86",
            images: [image(7, "debian-13", "x86"), image(9, undefined, "x86")],
            addresses: {
                size: 200,
                ipv4: (index) => `198.18.7.${index + 10}`,
                ipv6: (index) => `2001:db8:7:${(index + 10).toString(16)}::/64`,
            },
            createMachine: this.createMachine,
        });
    }

    /** @param root the folder of a cloud that was closed before: its objects are found again. */
    static async open(root?: string): Promise<TestCloud> {
        const cloud = new TestCloud(root);
        const { requestLog, faults } = cloud;
        const shared = { token, requestLog, faults, beforeAnswer: () => cloud.beforeAnswer() };
        const ofHetzner = hetznerApi(cloud.project, shared);
        const ofLaptop = laptopApi([cloud.project], {
            ...shared,
            kind: "container",
            acme: { restart: (seconds) => cloud.note(`acme ${seconds}`) },
            registry: { setRunning: (running) => cloud.note(`registry ${running}`) },
            quit: (machines) => cloud.quits.push(machines),
        });
        const url = await cloud.listen((request, response) =>
            (request.url?.startsWith(laptopPrefix) ? ofLaptop : ofHetzner)(request, response),
        );
        cloud.endpoint = `${url}/v1`;
        return cloud;
    }

    private note(call: string): Promise<void> {
        this.services.push(call);
        return this.failures.has(call)
            ? Promise.reject(new Error(`${call} failed as it was told to`))
            : Promise.resolve();
    }

    protected override idle(): Promise<void> {
        return this.project.idle();
    }

    send(method: string, route: string, body?: object): Promise<Answer> {
        return this.exchange(method, this.endpoint.replace("/v1", "") + route, token, body);
    }

    /** As {@link send} under `/v1`, and waits until what it began is over. */
    async call(method: string, route: string, body?: object): Promise<Answer> {
        const answer = await this.send(method, `/v1${route}`, body);
        await this.idle();
        return answer;
    }
}

/** Runs with a cloud of its own. */
export const withCloud = (run: (cloud: TestCloud) => Promise<void>) =>
    withApi(TestCloud.open(), run);

interface ApiObject {
    id: number;
    [field: string]: unknown;
}

/** What answers hold, as far as tests read them. */
export interface Body {
    error?: { code: string; message: string; details: unknown };
    action?: ApiObject & { status: string };
    actions?: (ApiObject & { status: string })[];
    server?: ApiObject & { status: string };
    servers?: ApiObject[];
    volume?: ApiObject;
    volumes?: ApiObject[];
    firewall?: ApiObject;
    firewalls?: ApiObject[];
    primary_ip?: ApiObject & { ip: string };
    primary_ips?: (ApiObject & { ip: string })[];
    ssh_key?: ApiObject;
    ssh_keys?: ApiObject[];
    images?: ApiObject[];
    server_types?: ApiObject[];
    meta?: unknown;
    [field: string]: unknown;
}

export interface Answer {
    status: number;
    body: Body;
}
