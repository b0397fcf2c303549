import { certificateLineages } from "../certificate/names";
import { webDocuments } from "../client-settings/web-documents";
import type { DomainSettings } from "../dns/domain-settings";
import { hostNameOf, nearestName } from "../names";
import type { Problem } from "../problem";
import { composeFile, renderCompose } from "./compose";
import {
    environmentProblems,
    environmentValues,
    environmentWarnings,
    planEnvironment,
    renderEnvironment,
    type EnvironmentArgs,
    type PlannedVariable,
} from "./environment";
import { valueFault } from "./environment-text";
import { chosenImages, imageProblems, isPinned, type ChosenImages } from "./images";
import { memoryProblems, memoryWarnings, type HostMemory } from "./memory";
import {
    profiles,
    type ImageName,
    type Profile,
    type Release,
    type ReleaseFile,
    type StackSecrets,
    type VerifiedPort,
} from "./model";
import { documentFile, lineageOf, renderRouter, routerNames, type RouterContext } from "./nginx";
import {
    overriddenServices,
    serviceProblems,
    type LeftOutServices,
    type ServiceOverrides,
} from "./service-overrides";
import { stackServices, type Service, type ServicesContext } from "./services";

/**
 * What of the mail stack is for the user to choose.
 *
 * @typeParam Secret what secrets are given as: a text, or an input of Pulumi's.
 */
export interface StackOptions<Secret = string> extends EnvironmentArgs<Secret> {
    /**
     * References of the images, `name:tag@sha256:…`, which `mailhost pin` writes. `mail` has to be chosen, and the
     * databases have to be pinned by their digests.
     *
     * @default none: preview asks for it
     */
    images?: Readonly<ChosenImages>;
    /**
     * `storage`: mailboxes with IMAP, POP3, calendars and address books. `forwarding`: mail is passed on alone.
     *
     * @default "storage"
     */
    profile?: Profile;
    /**
     * Serves submission with STARTTLS on port 587 as well (RFC 6409), beside TLS from the first byte on 465, which RFC
     * 8314 §3.3 prefers. The firewalls open it only then.
     *
     * @default false
     */
    startTlsSubmission?: boolean;
    /**
     * Variables of the mail services, e.g. `{ SMTP_MESSAGE_MAX_SIZE: "50mb" }`: name → a text, a number, true or false;
     * the entries of a list are one text with commas between them. A change restarts the services that read the
     * variable. Those that the rest of the host agrees with can't be set.
     *
     * @default those that the host sets
     */
    environment?: Readonly<Record<string, string | number | boolean>>;
    /**
     * Variables of the mail services that are secret, e.g. `SMTP_TRANSPORT_PASS`: name → value.
     *
     * @default those that are made for the host
     */
    secretEnvironment?: Readonly<Record<string, Secret>>;
    /**
     * MiB of memory that a service may use: service → MiB, e.g. `{ mongodb: 2048 }`. One that takes more is ended and
     * started again.
     *
     * @default a share of the host's memory, where that is known; no limit otherwise
     */
    memory?: Readonly<Record<string, number>>;
    /**
     * Changes to services of the stack, and services of your own: name → settings.
     *
     * @default the stack's services as they are
     */
    services?: ServiceOverrides;
}

/** What the stack's options are judged by. */
export interface StackSurroundings extends HostMemory {
    /** User name that guards the web site until its first administrator exists. */
    authBasicUsername?: string;
    /** Selector of the system's DKIM key that signs. */
    dkimSelector?: string;
}

/** What the stack's plan follows from besides its options. */
export interface StackContext
    extends Required<Omit<StackSurroundings, keyof HostMemory>>, HostMemory {
    /** The primary domain. */
    domain: string;
    /** Every mail domain with its defaults, the primary one among them. */
    domains: readonly Pick<DomainSettings, "name" | "mtaSts" | "mx">[];
}

/** The mail stack, as plain data without a secret. */
export interface StackPlan {
    /** The primary domain. */
    domain: string;
    profile: Profile;
    /** As they were chosen; those without a digest are looked up. */
    images: Readonly<Record<ImageName, string>>;
    variables: readonly PlannedVariable[];
    /** In the order in which they start. */
    services: readonly Service[];
    /** Files of the router, the certificates excepted. */
    routerFiles: readonly ReleaseFile[];
    folders: Release["folders"];
    /** TCP ports that everyone may reach. */
    openTcpPorts: readonly number[];
    verify: readonly VerifiedPort[];
    /** What the user should know, a sentence each; of the images, {@link imageWarnings} tells. */
    warnings: readonly string[];
}

const argumentNames = [
    ...["images", "profile", "startTlsSubmission", "environment", "secretEnvironment"],
    ...["memory", "services"],
] as const;

/** What stands in for a domain where only the names of the services matter. */
const anyDomain = "example.com";

/**
 * Everything that is wrong with the stack's options.
 *
 * @param path stands before each option, e.g. `stack`.
 */
export function stackProblems(
    path: string,
    options: StackOptions<unknown>,
    surroundings: StackSurroundings = {},
): Problem[] {
    const { profile = "storage", startTlsSubmission = false, services: overrides = {} } = options;
    const chosen = {
        domain: anyDomain,
        profile: profiles.includes(profile) ? profile : "storage",
        startTlsSubmission: startTlsSubmission === true,
    };
    const services = stackServices(chosen);
    const names = [
        ...new Set([...services.map(({ name }) => name), ...Object.keys(overrides)]),
    ].filter((name) => overrides[name]?.disabled !== true);
    return [
        ...unknownArguments(path, options),
        ...imageProblems(`${path}.images`, options.images),
        ...choiceProblems(path, profile, startTlsSubmission),
        ...environmentProblems(path, options),
        ...memoryProblems(`${path}.memory`, options.memory ?? {}, surroundings, names),
        ...serviceProblems(`${path}.services`, overrides, services, leftOut(path, chosen)),
        ...textProblems("authBasicUsername", surroundings.authBasicUsername),
        ...textProblems("systemDkim.signing", surroundings.dkimSelector),
    ];
}

/** Services that the stack has with other settings → what says so. */
function leftOut(path: string, chosen: ServicesContext): LeftOutServices {
    const present = stackServices(chosen).map(({ name }) => name);
    const found: Record<string, Pick<Problem, "reason" | "remedy">> = {};
    const note = (other: Partial<ServicesContext>, reason: string, remedy: string) => {
        for (const { name } of stackServices({ ...chosen, ...other })) {
            if (!present.includes(name)) found[name] = { reason, remedy };
        }
    };
    note(
        { profile: "storage" },
        "It does not run with the profile forwarding.",
        `Remove it, or set ${path}.profile to storage.`,
    );
    note(
        { startTlsSubmission: true },
        "It runs only for submission on port 587.",
        `Remove it, or set ${path}.startTlsSubmission to true.`,
    );
    return found;
}

function unknownArguments(path: string, options: StackOptions<unknown>): Problem[] {
    return Object.keys(options)
        .filter((name) => !argumentNames.some((known) => known === name))
        .map((name) => {
            const near = nearestName(name, argumentNames);
            return {
                path: `${path}.${name}`,
                reason: "There is no such argument.",
                remedy:
                    near === undefined
                        ? `Remove it. Known here: ${argumentNames.join(", ")}.`
                        : `Did you mean ${near}? Rename or remove it.`,
            };
        });
}

function choiceProblems(path: string, profile: unknown, startTlsSubmission: unknown): Problem[] {
    const problems: Problem[] = [];
    if (!profiles.some((known) => known === profile)) {
        const near = nearestName(String(profile), profiles);
        problems.push({
            path: `${path}.profile`,
            reason: `${JSON.stringify(profile)} is not one of the choices.`,
            remedy: `${near === undefined ? "" : `Did you mean ${near}? `}Choose ${profiles.join(" or ")}.`,
        });
    }
    if (typeof startTlsSubmission !== "boolean") {
        problems.push({
            path: `${path}.startTlsSubmission`,
            reason: `${JSON.stringify(startTlsSubmission)} is not true or false.`,
            remedy: "Write one of them.",
        });
    }
    return problems;
}

/** An argument of the host that the services read as a variable. */
function textProblems(path: string, value: string | undefined): Problem[] {
    const fault = value === undefined ? undefined : valueFault("text", value);
    return fault
        ? [{ path, reason: `${JSON.stringify(value)} ${fault.wrong}.`, remedy: fault.remedy }]
        : [];
}

/** Decides what the stack is: a pure function. Only meaningful for options without problems. */
export function planStack(
    path: string,
    options: StackOptions<unknown>,
    context: StackContext,
): StackPlan {
    const { domain, memoryMb } = context;
    const { profile = "storage", startTlsSubmission = false, memory = {} } = options;
    const images = chosenImages(options.images);
    const services = overriddenServices(
        stackServices({ domain, profile, startTlsSubmission, memoryMb, memory }),
        options.services ?? {},
        memory,
    );
    const further = context.domains.map(({ name }) => name).filter((name) => name !== domain);
    const router: RouterContext = {
        domain,
        profile,
        lineages: certificateLineages(domain, further),
        documents: context.domains.flatMap((one) => webDocuments(domain, one, profile)),
    };
    const open = [...new Set(services.flatMap((service) => service.open))];
    return {
        domain,
        profile,
        images,
        variables: planEnvironment(context, options),
        services,
        routerFiles: routerFiles(router),
        folders: dataFolders,
        openTcpPorts: open.sort((a, b) => a - b),
        verify: verifiedPorts(services, router),
        warnings: [
            ...environmentWarnings(path, options),
            ...memoryWarnings(context),
            ...serviceWarnings(`${path}.services`, options.services ?? {}),
        ],
    };
}

function serviceWarnings(path: string, overrides: ServiceOverrides): string[] {
    return Object.entries(overrides).flatMap(([name, { disabled, image }]) => [
        ...(disabled === true
            ? [`${path}.${name}: it is left out, but its DNS records still lead to this host.`]
            : []),
        ...(image !== undefined && !isPinned(image)
            ? [`${path}.${name}.image: ${image} is not pinned by its digest: it changes unseen.`]
            : []),
    ]);
}

/** Owned by the users that the services run as. */
const dataFolders: Release["folders"] = [
    { path: "ssl", image: "mail" },
    { path: "sqlite-data", image: "mail" },
    { path: "mongo-data", image: "mongodb", user: "mongodb" },
    { path: "mongo-backups", image: "mongodb", user: "mongodb" },
    { path: "redis-data", image: "redis", user: "redis" },
];

function routerFiles(context: RouterContext): ReleaseFile[] {
    const file = (path: string, content: string): ReleaseFile => ({
        path: `nginx/${path}`,
        // The folders above are root's alone; in the container everyone may read it.
        mode: "0444",
        owner: "root",
        content,
    });
    return [
        ...context.documents.map((document) => file(documentFile(document), document.text)),
        file("nginx.conf", renderRouter(context)),
    ];
}

function verifiedPorts(services: readonly Service[], router: RouterContext): VerifiedPort[] {
    const { domain, lineages } = router;
    const serviceAt = (port: number) =>
        services.find(({ listens }) => listens.includes(port))?.name;
    const mail = [
        { port: 25, tls: "smtp-starttls" },
        { port: 465, tls: "implicit" },
        { port: 587, tls: "smtp-starttls" },
        { port: 993, tls: "implicit" },
        { port: 995, tls: "implicit" },
    ] as const;
    const web = [
        [domain, "web"],
        ...["api", "caldav", "carddav"].map((name) => [`${name}.${domain}`, name]),
    ].filter(([, service]) => services.some(({ name }) => name === service));
    return [
        ...mail.flatMap(({ port, tls }): VerifiedPort[] => {
            const service = serviceAt(port);
            return service === undefined
                ? []
                : [{ port, tls, name: hostNameOf(domain), lineage: domain, service }];
        }),
        ...web.map(([name = "", service = ""]): VerifiedPort => ({
            port: 443,
            tls: "implicit",
            name,
            lineage: domain,
            service,
        })),
        ...routerNames(router).map((name): VerifiedPort => ({
            port: 443,
            tls: "implicit",
            name,
            lineage: lineageOf(name, lineages),
            service: "sni-router",
        })),
    ];
}

/** The images of services that the user added, each once. */
export function furtherImages({ services }: StackPlan): string[] {
    const references = services.flatMap(({ image }) =>
        "reference" in image ? [image.reference] : [],
    );
    return [...new Set(references)];
}

/** The TCP ports that services bind on the host, those that nobody reaches from outside among them. */
export function boundPorts({ services }: StackPlan): { port: number; service: string }[] {
    return services.flatMap(({ name, listens }) =>
        listens.map((port) => ({ port, service: name })),
    );
}

/**
 * What a deployment places and starts, secrets filled in.
 *
 * @param images references as they are pulled, each with its digest.
 * @throws Error when a secret can't stand in `.env`; it names the variable, never the value.
 */
export function renderRelease(
    plan: StackPlan,
    secrets: StackSecrets,
    images: Readonly<Record<ImageName, string>>,
): Release {
    const values = environmentValues(plan.variables, secrets);
    const environment: ReleaseFile = {
        path: ".env",
        mode: "0400",
        owner: "mail",
        content: renderEnvironment(values),
    };
    const signingKey: ReleaseFile = {
        path: "ssl/dkim.key",
        mode: "0400",
        owner: "mail",
        content: secrets.dkimPrivateKey.endsWith("\n")
            ? secrets.dkimPrivateKey
            : `${secrets.dkimPrivateKey}\n`,
    };
    const compose: ReleaseFile = {
        path: composeFile,
        mode: "0600",
        owner: "root",
        content: renderCompose(plan.domain, plan.services, images, {
            variables: plan.variables,
            values,
            mailFiles: [signingKey],
            routerFiles: plan.routerFiles,
        }),
    };
    return {
        images,
        furtherImages: furtherImages(plan),
        files: [environment, signingKey, ...plan.routerFiles, compose],
        services: plan.services.map(({ name }) => name),
        verify: plan.verify,
        folders: plan.folders,
    };
}
