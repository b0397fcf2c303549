import { createHash } from "node:crypto";
import { stringify } from "yaml";
import type { ImageName, ReleaseFile } from "./model";
import { loopbackNames, type HealthCheck, type Service } from "./services";
import type { PlannedVariable } from "./environment";

/** The project's name: containers of another one are not ours. */
export const composeProject = "self-hosting";

/** Where upstream has it, relative to the data volume's mount point. */
export const composeFile = "docker-compose-self-hosting.yml";

/** Label with the hash of what a container depends on: it is made anew exactly when that changes. */
export const inputsLabel = "mailhost.inputs";

/** Label of the containers that certificate installation restarts or reloads. */
export const certificateLabel = "mailhost.certificate";

/** What the services depend on besides their own lines in the compose file. */
export interface ServiceInputs {
    variables: readonly PlannedVariable[];
    /** Name → text, see `environmentValues`. */
    values: ReadonlyMap<string, string>;
    /** Files of the release that the mail services read at their start. */
    mailFiles: readonly ReleaseFile[];
    /** Files of the release that the router reads at its start. */
    routerFiles: readonly ReleaseFile[];
}

/** The SHA-256 of the variables and files that a service reads at its start, hexadecimal. */
export function inputsHash(service: Service, inputs: ServiceInputs): string {
    const variables = service.readsEnvironmentFile
        ? inputs.variables
              .filter(({ readers }) => readers === undefined || readers.includes(service.name))
              .map(({ name }) => [name, inputs.values.get(name) ?? ""] as const)
              .sort(([a], [b]) => (a < b ? -1 : 1))
        : [];
    const files = [
        ...(service.readsEnvironmentFile ? inputs.mailFiles : []),
        ...(service.name === "sni-router" ? inputs.routerFiles : []),
    ].map(({ path, content }) => [path, content] as const);
    return createHash("sha256").update(JSON.stringify({ variables, files })).digest("hex");
}

/** Compose replaces `$NAME` in every text. */
function literal<T>(value: T): T;
function literal(value: unknown): unknown {
    if (typeof value === "string") return value.replaceAll("$", "$$$$");
    if (Array.isArray(value)) return value.map((entry: unknown) => literal(entry));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
        Object.entries(value).map(([key, entry]) => [key, literal(entry as unknown)]),
    );
}

function healthSection(check: HealthCheck): object {
    return {
        test: ["CMD", ...check.command],
        interval: `${check.intervalSeconds}s`,
        timeout: `${check.timeoutSeconds}s`,
        retries: check.retries,
        start_period: `${check.startPeriodSeconds}s`,
        start_interval: `${check.startIntervalSeconds}s`,
    };
}

function mountSection({ source, target, readOnly }: Service["mounts"][number]): object {
    return {
        type: "bind",
        source: source.startsWith("/") ? source : `./${source}`,
        target,
        read_only: readOnly,
        bind: { create_host_path: false },
    };
}

function serviceSection(
    service: Service,
    image: string,
    inputs: string,
    extraHosts: readonly string[],
): object {
    const { mounts, temporary, dependsOn, environment } = service;
    const unlessEmpty = <T>(key: string, value: T, empty: boolean) =>
        empty ? {} : { [key]: value };
    return {
        container_name: service.name,
        image,
        ...(service.entrypoint && { entrypoint: service.entrypoint }),
        ...(service.command && { command: service.command }),
        ...(service.hostname !== undefined && { hostname: service.hostname }),
        ...(service.user !== undefined && { user: service.user }),
        network_mode: "host",
        restart: "unless-stopped",
        init: true,
        cap_drop: ["ALL"],
        ...unlessEmpty("cap_add", service.capabilities, service.capabilities.length === 0),
        security_opt: ["no-new-privileges:true"],
        ...(service.readOnly && { read_only: true }),
        ...unlessEmpty("environment", environment, Object.keys(environment).length === 0),
        extra_hosts: extraHosts,
        ...unlessEmpty("volumes", mounts.map(mountSection), mounts.length === 0),
        ...unlessEmpty(
            "tmpfs",
            temporary.map(({ path, sizeMb }) => `${path}:size=${sizeMb}m,mode=1777`),
            temporary.length === 0,
        ),
        ...(service.healthCheck && { healthcheck: healthSection(service.healthCheck) }),
        ...(service.ignoresImageCheck && { healthcheck: { disable: true } }),
        ...unlessEmpty(
            "depends_on",
            Object.fromEntries(
                dependsOn.map((one) => [one.service, { condition: `service_${one.condition}` }]),
            ),
            dependsOn.length === 0,
        ),
        stop_grace_period: `${service.stopGraceSeconds}s`,
        ...(service.stopSignal !== undefined && { stop_signal: service.stopSignal }),
        ...(service.memoryMb !== undefined && { mem_limit: `${service.memoryMb}m` }),
        logging: { driver: "local", options: { "max-size": "20m", "max-file": "5" } },
        labels: {
            [inputsLabel]: inputs,
            ...(service.certificate && { [certificateLabel]: service.certificate }),
        },
    };
}

/**
 * The compose file of the services, all of them on the host's network.
 *
 * @param images references as they are pulled.
 */
export function renderCompose(
    domain: string,
    services: readonly Service[],
    images: Readonly<Record<ImageName, string>>,
    inputs: ServiceInputs,
): string {
    const extraHosts = loopbackNames(domain).map((name) => `${name}:127.0.0.1`);
    const sections = services.map((service) => {
        const image =
            "name" in service.image ? images[service.image.name] : service.image.reference;
        const hash = inputsHash(service, inputs);
        return [service.name, serviceSection(service, image, hash, extraHosts)] as const;
    });
    return stringify(
        { name: composeProject, services: literal(Object.fromEntries(sections)) },
        // Older readers take words such as yes for something else than text.
        { lineWidth: 0, aliasDuplicateObjects: false, version: "1.1" },
    );
}
