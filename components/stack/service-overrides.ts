import { posix } from "node:path";
import { nearestName } from "../names";
import type { Problem } from "../problem";
import { imageProblem } from "./images";
import type { HealthCheck, Mount, Service } from "./services";

/** How a service differs from the stack's, or what one of the user's own is. */
export interface ServiceOverride {
    /**
     * Reference of its image, `name:tag@sha256:…`.
     *
     * @default the stack's; a service of your own has to have one
     */
    image?: string;
    /** Its command and arguments. @default the stack's; the image's for a service of your own */
    command?: readonly string[];
    /**
     * Variables of its container, which outrank those of the stack's `.env`. No secrets: they stand in plain text.
     *
     * @default none
     */
    environment?: Readonly<Record<string, string | number | boolean>>;
    /**
     * Folders and files of the host that it gets as well: `source:target`, or `source:target:ro`. The source is
     * absolute, or relative to the data volume's folder, and has to exist.
     *
     * @default none
     */
    mounts?: readonly string[];
    /** How it is found to work; `false`: it is not looked at. @default the stack's; none for a service of your own */
    healthCheck?: HealthCheckOverride | false;
    /**
     * Leaves the service out: `imap`, `pop3`, `caldav` or `carddav`. Their DNS records stay.
     *
     * @default false
     */
    disabled?: boolean;
    /**
     * TCP ports that a service of your own binds and that everyone may reach, IPv4 and IPv6. It shares the host's
     * network: what it binds besides, only the host itself can reach.
     *
     * @default none
     */
    ports?: readonly number[];
    /** User, by name or number, that a service of your own runs as. @default the image's own */
    user?: string;
    /**
     * Linux capabilities that a service of your own needs, e.g. `CHOWN`. Every other is dropped. None is needed for
     * ports from 25 up.
     *
     * @default none
     */
    capabilities?: readonly string[];
    /** Services of the stack that one of your own starts after. @default none */
    after?: readonly string[];
}

/** A check of a service. */
export interface HealthCheckOverride {
    /** Run in the container, without a shell. */
    command: readonly string[];
    /** @default 30 */
    intervalSeconds?: number;
    /** @default 10 */
    timeoutSeconds?: number;
    /** Failures in a row that make it unhealthy. @default 3 */
    retries?: number;
    /** Failures after the start don't count for so long. @default 180 */
    startPeriodSeconds?: number;
}

export type ServiceOverrides = Readonly<Record<string, ServiceOverride>>;

/** Those that nothing else depends on. */
const disposable = ["imap", "pop3", "caldav", "carddav"];

/** Settings that a service of the stack keeps: the rest of the host agrees with them. */
const ofOwnServices = ["ports", "user", "capabilities", "after"] as const;

const healthDefaults = {
    intervalSeconds: 30,
    timeoutSeconds: 10,
    retries: 3,
    startPeriodSeconds: 180,
    startIntervalSeconds: 3,
};

function healthCheckOf(given: HealthCheckOverride): HealthCheck {
    const defined = Object.entries(given).filter(([, value]) => value !== undefined);
    return {
        ...healthDefaults,
        ...(Object.fromEntries(defined) as unknown as HealthCheckOverride),
    };
}

function mountOf(text: string): Mount {
    const [source = "", target = "", mode] = text.split(":");
    return { source, target, readOnly: mode === "ro" };
}

function environmentOf(given: ServiceOverride["environment"] = {}): Record<string, string> {
    return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)]));
}

/** The services with the user's changes, and the user's own behind them. Only for overrides without problems. */
export function overriddenServices(
    services: readonly Service[],
    overrides: ServiceOverrides,
    memory: Readonly<Record<string, number>>,
): Service[] {
    const changed = services
        .filter(({ name }) => overrides[name]?.disabled !== true)
        .map((service) => {
            const given = overrides[service.name];
            return given === undefined ? service : changedService(service, given);
        });
    const own = Object.entries(overrides)
        .filter(([name]) => !services.some((service) => service.name === name))
        .map(([name, given]) => ownService(name, given, memory[name]));
    return withoutUncheckedWaits([...changed, ...own]);
}

/** Compose refuses that one waits for the health of another that has no check. */
function withoutUncheckedWaits(services: readonly Service[]): Service[] {
    const checked = new Set(
        services.filter(({ healthCheck }) => healthCheck).map(({ name }) => name),
    );
    return services.map((service) => ({
        ...service,
        dependsOn: service.dependsOn.map((one) =>
            checked.has(one.service) ? one : { ...one, condition: "started" },
        ),
    }));
}

function changedService(service: Service, given: ServiceOverride): Service {
    const { image, command, environment, mounts = [], healthCheck } = given;
    return {
        ...service,
        ...(image !== undefined && { image: { reference: image } }),
        ...(command !== undefined && { command }),
        environment: { ...service.environment, ...environmentOf(environment) },
        mounts: [...service.mounts, ...mounts.map(mountOf)],
        ...(healthCheck === false
            ? { healthCheck: undefined, ignoresImageCheck: true }
            : healthCheck !== undefined && { healthCheck: healthCheckOf(healthCheck) }),
    };
}

function ownService(name: string, given: ServiceOverride, memoryMb: number | undefined): Service {
    return {
        name,
        image: { reference: given.image ?? "" },
        ...(given.command !== undefined && { command: given.command }),
        ...(given.user !== undefined && { user: given.user }),
        environment: environmentOf(given.environment),
        readsEnvironmentFile: false,
        listens: given.ports ?? [],
        open: given.ports ?? [],
        mounts: (given.mounts ?? []).map(mountOf),
        temporary: [],
        readOnly: false,
        ...(given.healthCheck && { healthCheck: healthCheckOf(given.healthCheck) }),
        ...(given.healthCheck === false && { ignoresImageCheck: true }),
        dependsOn: (given.after ?? []).map((service) => ({ service, condition: "started" })),
        capabilities: given.capabilities ?? [],
        stopGraceSeconds: 30,
        ...(memoryMb !== undefined && { memoryMb }),
    };
}

type Check = (path: string, value: unknown) => Problem[];

const shown = (value: unknown) => JSON.stringify(value) ?? String(value);

/** A check of one value: `wanted` goes behind "is not". */
const fits =
    (test: (value: unknown) => boolean, wanted: string, remedy: string): Check =>
    (path, value) =>
        test(value) ? [] : [{ path, reason: `${shown(value)} is not ${wanted}.`, remedy }];

const listOf =
    (entry: Check, example: string): Check =>
    (path, value) =>
        Array.isArray(value)
            ? value.flatMap((one, index) => entry(`${path}[${index}]`, one))
            : [{ path, reason: `${shown(value)} is not a list.`, remedy: `Write ${example}.` }];

const isText = (value: unknown): value is string =>
    typeof value === "string" && !/\p{Cc}/u.test(value.replaceAll("\n", ""));
const wholeNumber = (from: number, to: number): Check =>
    fits(
        (value) => Number.isInteger(value) && Number(value) >= from && Number(value) <= to,
        `a whole number from ${from} to ${to}`,
        "Write digits alone.",
    );

const command = listOf(
    fits(isText, "a text", "Write it in quotes."),
    '["node", "web.js"], each argument apart',
);

function isGroup(value: unknown): value is Record<string, unknown> {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

const group =
    (settings: Readonly<Record<string, Check>>, required: readonly string[] = []): Check =>
    (path, value) => {
        if (!isGroup(value)) {
            return [
                {
                    path,
                    reason: `${shown(value)} is not a group of settings.`,
                    remedy: "Write { … }.",
                },
            ];
        }
        const known = Object.keys(settings);
        return [
            ...required
                .filter((name) => value[name] === undefined)
                .map((name) => ({
                    path: `${path}.${name}`,
                    reason: "It is missing.",
                    remedy: "Give it.",
                })),
            ...Object.entries(value).flatMap(([name, setting]) => {
                if (setting === undefined) return [];
                const check = Object.hasOwn(settings, name) ? settings[name] : undefined;
                if (check) return check(`${path}.${name}`, setting);
                const near = nearestName(name, known);
                return [
                    {
                        path: `${path}.${name}`,
                        reason: "There is no such setting.",
                        remedy:
                            near === undefined
                                ? `Remove it. Known here: ${known.join(", ")}.`
                                : `Did you mean ${near}? Rename or remove it.`,
                    },
                ];
            }),
        ];
    };

const containerEnvironment: Check = (path, value) => {
    if (!isGroup(value)) return group({})(path, value);
    return Object.entries(value).flatMap(([name, one]) => {
        const at = `${path}.${name}`;
        if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
            return [
                {
                    path: at,
                    reason: `${JSON.stringify(name)} is not the name of a variable.`,
                    remedy: "Use letters, digits and underscores.",
                },
            ];
        }
        return fits(
            (v) => isText(v) || Number.isFinite(v) || typeof v === "boolean",
            "a text, a number, true or false",
            "Write one value.",
        )(at, one);
    });
};

/** Whether a path of the host is the socket that commands Docker, or a folder around it. */
function holdsDockerSocket(source: string): boolean {
    if (!source.startsWith("/")) return false;
    const path = posix.join(source, "/").replace(/^\/var\/run\//, "/run/");
    return "/run/docker.sock/".startsWith(path);
}

const mount: Check = (path, value) => {
    const wrong = (reason: string, remedy: string): Problem[] => [
        { path, reason: `${shown(value)} ${reason}.`, remedy },
    ];
    const form =
        typeof value === "string" ? /^([^:\p{Cc}]+):(\/[^:\p{Cc}]*)(?::ro)?$/u.exec(value) : null;
    const [, source = "", target = ""] = form ?? [];
    if (form === null || target === "/") {
        return wrong(
            "is not a mount",
            "Write source:/target, or source:/target:ro to only read it.",
        );
    }
    if (source.split("/").includes("..")) {
        return wrong("leads upwards", "Write the folder's own path, without ..");
    }
    if (holdsDockerSocket(source)) {
        return wrong(
            "hands the whole host to the service",
            "Do what needs it on the host itself, outside of the stack.",
        );
    }
    return [];
};

const healthCheck: Check = (path, value) =>
    value === false
        ? []
        : group(
              {
                  command,
                  intervalSeconds: wholeNumber(1, 3600),
                  timeoutSeconds: wholeNumber(1, 600),
                  retries: wholeNumber(1, 100),
                  startPeriodSeconds: wholeNumber(0, 3600),
              },
              ["command"],
          )(path, value);

const settings: Readonly<Record<keyof ServiceOverride, Check>> = {
    image: (path, value) => [imageProblem(path, value) ?? []].flat(),
    command,
    environment: containerEnvironment,
    mounts: listOf(mount, '["folder:/target"]'),
    healthCheck,
    disabled: fits((value) => typeof value === "boolean", "true or false", "Write one of them."),
    ports: listOf(wholeNumber(1, 65_535), "[8448]"),
    user: fits(
        (value) =>
            typeof value === "string" &&
            /^[A-Za-z0-9_][A-Za-z0-9_.-]*(?::[A-Za-z0-9_.-]+)?$/.test(value),
        "a user",
        "Write its name or number in quotes.",
    ),
    capabilities: listOf(
        fits(
            (value) => typeof value === "string" && /^[A-Z][A-Z_]*$/.test(value) && value !== "ALL",
            "one capability",
            "Write its name without CAP_, e.g. CHOWN.",
        ),
        '["CHOWN"]',
    ),
    after: listOf(fits(isText, "a text", "Write the name of a service."), '["mongodb"]'),
};

/** Ports that the host itself needs. */
const sshPort = 22;

/** Services of the stack that its settings leave out → why, and what to do about it. */
export type LeftOutServices = Readonly<Record<string, Pick<Problem, "reason" | "remedy">>>;

/**
 * Everything that is wrong with the overrides.
 *
 * @param path stands before each service, e.g. `stack.services`.
 * @param services those of the stack with its settings.
 * @param leftOut those that it has with others: they are no names for services of the user's own.
 */
export function serviceProblems(
    path: string,
    overrides: ServiceOverrides,
    services: readonly Service[],
    leftOut: LeftOutServices,
): Problem[] {
    const names = services.map(({ name }) => name);
    const running = names.filter((name) => overrides[name]?.disabled !== true);
    const taken = new Map(
        services.flatMap(({ name, listens }) => listens.map((port) => [port, name] as const)),
    );
    taken.set(sshPort, "the host's SSH server");
    return Object.entries(overrides).flatMap(([name, given]) => {
        const at = `${path}.${name}`;
        const form = group(settings)(at, given);
        if (form.length > 0) return form;
        const why = Object.hasOwn(leftOut, name) ? leftOut[name] : undefined;
        if (why) return [{ path: at, ...why }];
        const service = services.find((one) => one.name === name);
        return service
            ? stackServiceProblems(at, service, given)
            : ownServiceProblems(at, name, given, running, taken);
    });
}

function stackServiceProblems(at: string, service: Service, given: ServiceOverride): Problem[] {
    const kept = ofOwnServices
        .filter((setting) => given[setting] !== undefined)
        .map((setting) => ({
            path: `${at}.${setting}`,
            reason: "It is for services of your own: the rest of the host agrees with what the stack's have.",
            remedy: "Remove it.",
        }));
    const targets = [...service.mounts.map(({ target }) => target), "/app"];
    const hiding = (given.mounts ?? []).flatMap((text, index) => {
        const { target } = mountOf(text);
        const hidden = targets.find((one) => `${one}/`.startsWith(`${target.replace(/\/$/, "")}/`));
        return hidden === undefined
            ? []
            : [
                  {
                      path: `${at}.mounts[${index}]`,
                      reason: `${JSON.stringify(text)} hides what the stack has in ${hidden}.`,
                      remedy: "Choose another target.",
                  },
              ];
    });
    if (given.disabled !== true || disposable.includes(service.name)) return [...kept, ...hiding];
    return [
        ...kept,
        ...hiding,
        {
            path: `${at}.disabled`,
            reason: "The stack does not work without it.",
            remedy: `Remove it. ${disposable.join(", ")} may be left out; all of them are with the profile forwarding.`,
        },
    ];
}

function ownServiceProblems(
    at: string,
    name: string,
    given: ServiceOverride,
    names: readonly string[],
    taken: Map<number, string>,
): Problem[] {
    if (!/^[a-z][a-z0-9_-]{0,62}$/.test(name)) {
        return [
            {
                path: at,
                reason: `${JSON.stringify(name)} is not the name of a service.`,
                remedy: "Use lower-case letters, digits, hyphens and underscores, a letter first.",
            },
        ];
    }
    const problems: Problem[] = [];
    if (given.image === undefined) {
        const near = nearestName(name, names);
        problems.push({
            path: at,
            reason: "The stack has no such service, and a service of your own needs an image.",
            remedy: `${near === undefined ? "" : `Did you mean ${near}? `}Give ${at}.image.`,
        });
    }
    if (given.disabled !== undefined) {
        problems.push({
            path: `${at}.disabled`,
            reason: "It is a service of your own.",
            remedy: "Remove the service itself.",
        });
    }
    given.ports?.forEach((port, index) => {
        const owner = taken.get(port);
        if (owner === undefined) {
            taken.set(port, name);
            return;
        }
        problems.push({
            path: `${at}.ports[${index}]`,
            reason: `The port ${port} is that of ${owner} already: all services share the host's network.`,
            remedy: "Choose another.",
        });
    });
    given.after?.forEach((other, index) => {
        if (names.includes(other)) return;
        problems.push({
            path: `${at}.after[${index}]`,
            reason: `${JSON.stringify(other)} is not a service of the stack.`,
            remedy: `Known here: ${names.join(", ")}.`,
        });
    });
    return problems;
}
