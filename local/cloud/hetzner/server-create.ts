import * as z from "zod";
import type { ApiReply, ApiRequest } from "../api/listener";
import { ApiError, invalidField, notFound, unsupported } from "./api-error";
import { serverTypes, type ServerType } from "./catalogue";
import { findLocation, knownImages, type KnownImage } from "./catalogue-routes";
import type { PrimaryIpObject, ServerObject, VolumeObject } from "./objects";
import type { Project } from "./project";
import { labelsField, locationField, nameField, noDatacenter, parseBody } from "./route";
import { serverBody } from "./server-body";

/** Source: docs.hetzner.cloud, "Create a Server", `user_data`. */
const maximumUserDataBytes = 32 * 1024;

const hostName =
    /^(?=.{1,253}$)(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;

const idOrName = z.union([z.string().min(1), z.int()]);

const createBody = z.object({
    name: nameField.regex(hostName, "must be a valid hostname as per RFC 1123"),
    server_type: idOrName,
    image: idOrName,
    location: locationField.optional(),
    datacenter: noDatacenter,
    user_data: z
        .string()
        .refine(
            (text) => Buffer.byteLength(text) <= maximumUserDataBytes,
            `longer than ${maximumUserDataBytes} bytes`,
        )
        .optional(),
    ssh_keys: z.array(idOrName).optional(),
    start_after_create: z.boolean().optional(),
    automount: z.boolean().optional(),
    volumes: z.array(z.int()).optional(),
    networks: z.array(z.int()).optional(),
    placement_group: z.int().optional(),
    firewalls: z.array(z.object({ firewall: z.int() })).optional(),
    public_net: z
        .object({
            enable_ipv4: z.boolean().optional(),
            enable_ipv6: z.boolean().optional(),
            ipv4: z.int().nullish(),
            ipv6: z.int().nullish(),
        })
        .optional(),
    labels: labelsField,
});

/** `POST /servers`: checks everything, makes the objects, then boots the machine in the background. */
export function createServer(project: Project, request: ApiRequest): ApiReply {
    const { store } = project;
    const body = parseBody(createBody, request);
    if (body.networks?.length) throw unsupported("private networks");
    if (body.placement_group) throw unsupported("placement groups");
    if (body.automount) {
        throw unsupported("automount of volumes; mount the volume by its linux_device");
    }
    const type = findServerType(body.server_type);
    checkArchitecture(project, type);
    const volumes = (body.volumes ?? []).map((id) => store.get("volume", id));
    const given = givenAddresses(project, body.public_net);
    const location = findLocation(
        body.location ??
            volumes[0]?.location ??
            given.ipv4?.location ??
            given.ipv6?.location ??
            type.locations[0] ??
            "",
    ).name;
    checkAvailable(type, location);
    const image = findImage(project, body.image, type);
    store.checkName("server", body.name);
    const publicKeys = (body.ssh_keys ?? []).map((key) => findSshKey(project, key));
    const firewalls = (body.firewalls ?? []).map((entry) => store.get("firewall", entry.firewall));
    for (const volume of volumes) checkVolume(volume, location);
    const addresses = [given.ipv4, given.ipv6].filter((ip) => ip !== undefined);
    for (const ip of addresses) checkAddress(ip, location);

    const server = store.add("server", {
        name: body.name,
        labels: body.labels ?? {},
        serverType: type.name,
        image: {
            id: image.id,
            name: image.name,
            description: image.description,
            architecture: image.architecture,
        },
        location,
        userData: body.user_data ?? "",
        publicKeys,
        diskGb: type.diskGb,
        protection: { delete: false, rebuild: false },
        poweredOn: body.start_after_create ?? true,
    });
    for (const volume of volumes) volume.server = server.id;
    for (const ip of addresses) ip.server = server.id;
    for (const kind of ["ipv4", "ipv6"] as const) {
        if (given.enabled[kind] && !given[kind]) addAddress(project, server, kind);
    }
    for (const firewall of firewalls) {
        firewall.appliedTo.push({ type: "server", server: server.id });
    }
    store.save();
    project.putMachine(server);

    const action = project.begin(server, "initializing", "create_server", async () => {
        if (server.poweredOn) await project.park.use(server.id, (machine) => machine.start());
    });
    return {
        status: 201,
        body: {
            server: serverBody(project, server),
            action,
            next_actions: [],
            root_password: null,
        },
    };
}

/** @throws ApiError `invalid_input` */
export function findServerType(given: string | number): ServerType {
    const type = serverTypes.find(
        (item) => item.name === given || String(item.id) === String(given),
    );
    if (!type) throw invalidField("server_type", `server type ${given} not found`);
    return type;
}

/** Refuses a type whose architecture isn't this computer's. */
export function checkArchitecture(project: Project, type: ServerType): void {
    const { architecture } = project.options;
    if (type.architecture === architecture) return;
    throw new ApiError(
        "resource_unavailable",
        `server type ${type.name} has ${type.architecture} processors, this computer has ${architecture}: ` +
            `the laptop cloud boots only types that fit it (${typeNames(architecture)})`,
    );
}

export function checkAvailable(type: ServerType, location: string): void {
    if (type.locations.includes(location)) return;
    throw new ApiError(
        "invalid_input",
        `unsupported location for server type: ${type.name} is not available in ${location}, only in ${type.locations.join(", ")}`,
        [{ name: "server_type", messages: ["unsupported location for server type"] }],
    );
}

function typeNames(architecture: string): string {
    return serverTypes
        .filter((type) => type.architecture === architecture)
        .map((type) => type.name)
        .join(", ");
}

function findImage(project: Project, given: string | number, type: ServerType): KnownImage {
    const matching = knownImages(project).filter(
        (image) => image.name === given || String(image.id) === String(given),
    );
    const image = matching.find((candidate) => candidate.architecture === type.architecture);
    if (!image) {
        throw matching.length > 0
            ? invalidField("image", `image ${given} is not for ${type.architecture}`)
            : invalidField("image", `image ${given} not found`);
    }
    if (!image.files) {
        const bootable = knownImages(project)
            .filter((known) => known.files && known.architecture === type.architecture)
            .map((known) => known.name ?? String(known.id));
        throw new ApiError(
            "resource_unavailable",
            `image ${given} can't be booted by the laptop cloud; it has ${bootable.join(", ") || "none"}`,
        );
    }
    return image;
}

function findSshKey(project: Project, given: string | number): string {
    const key = project.store
        .all("ssh_key")
        .find((candidate) => candidate.name === given || String(candidate.id) === String(given));
    if (!key) throw notFound("ssh_key", given);
    return key.publicKey;
}

function checkVolume(volume: VolumeObject, location: string): void {
    if (volume.server !== null) {
        throw new ApiError(
            "volume_already_attached",
            `volume ${volume.id} is already attached to server ${volume.server}`,
        );
    }
    if (volume.location !== location) {
        throw invalidField(
            "volumes",
            `volume ${volume.id} is in ${volume.location}, not ${location}`,
        );
    }
}

interface GivenAddresses {
    enabled: { ipv4: boolean; ipv6: boolean };
    ipv4?: PrimaryIpObject;
    ipv6?: PrimaryIpObject;
}

function givenAddresses(
    project: Project,
    net: z.output<typeof createBody>["public_net"],
): GivenAddresses {
    const enabled = { ipv4: net?.enable_ipv4 ?? true, ipv6: net?.enable_ipv6 ?? true };
    if (!enabled.ipv4 && !enabled.ipv6) {
        throw unsupported("servers without a public network");
    }
    const given: GivenAddresses = { enabled };
    for (const kind of ["ipv4", "ipv6"] as const) {
        const id = net?.[kind];
        if (!id) continue;
        if (!enabled[kind]) {
            throw invalidField(`public_net.${kind}`, `not allowed when enable_${kind} is false`);
        }
        const ip = project.store.get("primary_ip", id);
        if (ip.type !== kind) {
            throw new ApiError(
                "primary_ip_version_mismatch",
                `primary IP ${id} is of type ${ip.type}, not ${kind}`,
            );
        }
        given[kind] = ip;
    }
    return given;
}

function checkAddress(ip: PrimaryIpObject, location: string): void {
    if (ip.server !== null) {
        throw new ApiError(
            "primary_ip_already_assigned",
            `primary IP ${ip.id} is already assigned to server ${ip.server}`,
        );
    }
    if (ip.location !== location) {
        throw invalidField(
            "public_net",
            `primary IP ${ip.id} is in ${ip.location}, the server would be in ${location}`,
        );
    }
}

/** The address that comes with a server and goes with it. */
function addAddress(project: Project, server: ServerObject, type: "ipv4" | "ipv6"): void {
    project.store.add("primary_ip", {
        name: `primary_ip-${project.store.nextId}`,
        labels: {},
        type,
        ip: project.freeAddress(type),
        location: server.location,
        server: server.id,
        autoDelete: true,
        protected: false,
        pointers: {},
    });
}
