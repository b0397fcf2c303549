import * as z from "zod";
import type { ApiRequest, Route } from "../api/listener";
import { sshFingerprint } from "../api/ssh-fingerprint";
import type { Account } from "./account";
import { notFound, unprocessable } from "./api-error";
import type { KeyObject } from "./objects";
import { pageOf, parseBody, textParameter } from "./route";

const nameField = z.string().min(1, "can't be blank");
const createBody = z.object({ name: nameField, public_key: z.string() });

export function keyRoutes({ store }: Account): Route[] {
    const found = (request: ApiRequest) => {
        const key = findKey(store.all("key"), textParameter(request));
        if (!key) throw notFound();
        return key;
    };
    return [
        {
            method: "GET",
            path: "/account/keys",
            handle: (request) => pageOf(request, "ssh_keys", store.all("key").map(keyBody)),
        },
        {
            method: "GET",
            path: "/account/keys/:id",
            handle: (request) => ({ body: { ssh_key: keyBody(found(request)) } }),
        },
        {
            method: "POST",
            path: "/account/keys",
            handle: (request) => {
                const body = parseBody(createBody, request);
                const publicKey = body.public_key.trim();
                const fingerprint = sshFingerprint(publicKey);
                if (fingerprint === undefined) {
                    throw unprocessable("Key invalid, key should be in the correct format");
                }
                if (store.all("key").some((key) => key.fingerprint === fingerprint)) {
                    throw unprocessable("SSH Key is already in use on your account");
                }
                const key = store.add("key", { name: body.name, publicKey, fingerprint });
                return { status: 201, body: { ssh_key: keyBody(key) } };
            },
        },
        {
            method: "PUT",
            path: "/account/keys/:id",
            handle: (request) => {
                const key = found(request);
                key.name = parseBody(z.object({ name: nameField }), request).name;
                store.save();
                return { body: { ssh_key: keyBody(key) } };
            },
        },
        {
            method: "DELETE",
            path: "/account/keys/:id",
            handle: (request) => {
                store.remove("key", found(request).id);
                return { status: 204 };
            },
        },
    ];
}

/** By number or by fingerprint. */
export function findKey(keys: readonly KeyObject[], given: string): KeyObject | undefined {
    return keys.find((key) => String(key.id) === given || key.fingerprint === given);
}

function keyBody({ id, name, fingerprint, publicKey }: KeyObject): object {
    return { id, name, fingerprint, public_key: publicKey };
}
