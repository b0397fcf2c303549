import { resource } from "../handler";
import { refreshedInputs } from "../refreshed-inputs";
import { unknownValue, type PropertyTable, type Values } from "../schema";
import { Client } from "./client";

const inputs = {
    dnssecMultiSigner: { type: "boolean" },
    dnssecPresigned: { type: "boolean" },
    dnssecUseNsec3: { type: "boolean" },
    status: { type: "string" },
    zoneId: { type: "string", required: true, replaces: true },
} as const satisfies PropertyTable;

type Inputs = Values<typeof inputs>;

/** DNSSEC in the API, as far as the provider reads it; what isn't there yet is null. */
interface ApiDnssec {
    status: string | null;
    algorithm: string | null;
    digest: string | null;
    digest_algorithm: string | null;
    digest_type: string | null;
    ds: string | null;
    flags: number | null;
    key_tag: number | null;
    key_type: string | null;
    modified_on: string | null;
    public_key: string | null;
    dnssec_multi_signer?: boolean | null;
    dnssec_presigned?: boolean | null;
    dnssec_use_nsec3?: boolean | null;
}

/** DNSSEC of a zone. Its id is the zone's. Without a `status` it changes nothing. */
export const zoneDnssec = resource({
    inputs,
    outputs: {
        algorithm: { type: "string" },
        digest: { type: "string" },
        digestAlgorithm: { type: "string" },
        digestType: { type: "string" },
        ds: { type: "string" },
        flags: { type: "number" },
        keyTag: { type: "number" },
        keyType: { type: "string" },
        modifiedOn: { type: "string", changesOnUpdate: true },
        publicKey: { type: "string" },
    },
    check({ status }) {
        const isFree = typeof status !== "string" || status === unknownValue;
        if (isFree || ["active", "disabled"].includes(status.toLowerCase())) return {};
        return {
            failures: [
                {
                    path: "status",
                    reason: `Invalid Attribute Value Match. Attribute status value must be one of: ["active" "disabled"], got: "${status}"`,
                },
            ],
        };
    },
    // A refresh reads the live status, `pending` too, and the plan compares that with what the program gives.
    compared: ({ state, news }) => ({
        olds: Object.fromEntries(
            Object.entries(state).filter(([name]) => Object.hasOwn(inputs, name)),
        ),
        news,
    }),
    async create(given, context) {
        const zone = await edit(Client.of(context), given.zoneId, bodyOf(given));
        return { id: given.zoneId, outputs: { ...computedOf(zone), ...given } };
    },
    async read(id, known, context) {
        const client = Client.of(context);
        const zone = known
            ? await client.find<ApiDnssec>(routeOf(id))
            : await client.get<ApiDnssec>(routeOf(id));
        if (!zone) return undefined;
        const live = {
            zoneId: id,
            status: zone.status ?? known?.outputs.status,
            dnssecMultiSigner: zone.dnssec_multi_signer ?? undefined,
            dnssecPresigned: zone.dnssec_presigned ?? undefined,
            dnssecUseNsec3: zone.dnssec_use_nsec3 ?? undefined,
        };
        return {
            id,
            outputs: { ...computedOf(zone), ...live },
            inputs: refreshedInputs<object>(known?.inputs, live),
        };
    },
    async update({ id, outputs }, news, context) {
        const changed = Object.entries(bodyOf(news)).filter(
            ([name, value]) => value !== bodyOf({ zoneId: id, ...outputs })[name],
        );
        const zone = await edit(Client.of(context), id, Object.fromEntries(changed));
        return { outputs: { ...computedOf(zone), ...news } };
    },
    async delete({ id }, context) {
        const client = Client.of(context);
        await edit(client, id, { status: "disabled" });
        await client.delete(routeOf(id));
    },
});

function routeOf(zoneId: string): string {
    return `/zones/${zoneId}/dnssec`;
}

function edit(client: Client, zoneId: string, body: object): Promise<ApiDnssec> {
    return client.patch<ApiDnssec>(routeOf(zoneId), body);
}

function bodyOf(given: Inputs): Record<string, string | boolean | undefined> {
    return {
        dnssec_multi_signer: given.dnssecMultiSigner,
        dnssec_presigned: given.dnssecPresigned,
        dnssec_use_nsec3: given.dnssecUseNsec3,
        status: given.status,
    };
}

function computedOf(zone: ApiDnssec): Record<string, unknown> {
    return {
        algorithm: zone.algorithm ?? undefined,
        digest: zone.digest ?? undefined,
        digestAlgorithm: zone.digest_algorithm ?? undefined,
        digestType: zone.digest_type ?? undefined,
        ds: zone.ds ?? undefined,
        flags: zone.flags ?? undefined,
        keyTag: zone.key_tag ?? undefined,
        keyType: zone.key_type ?? undefined,
        modifiedOn: zone.modified_on ?? undefined,
        publicKey: zone.public_key ?? undefined,
    };
}
