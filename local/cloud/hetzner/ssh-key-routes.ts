import * as z from "zod";
import type { Route } from "../api/listener";
import { sshFingerprint } from "../api/ssh-fingerprint";
import { ApiError, invalidField } from "./api-error";
import type { SshKeyObject } from "./objects";
import type { Project } from "./project";
import {
    filterListed,
    idParameter,
    labelsField,
    nameField,
    pageOf,
    parseBody,
    updateBody,
} from "./route";

const createBody = z.object({ name: nameField, public_key: z.string(), labels: labelsField });

export function sshKeyRoutes({ store }: Project): Route[] {
    return [
        {
            method: "GET",
            path: "/ssh_keys",
            handle: (request) => {
                const fingerprint = request.query.get("fingerprint");
                const keys = filterListed(request, store.all("ssh_key")).filter(
                    (key) => fingerprint === null || key.fingerprint === fingerprint,
                );
                return pageOf(request, "ssh_keys", keys.map(sshKeyBody));
            },
        },
        {
            method: "GET",
            path: "/ssh_keys/:id",
            handle: (request) => ({
                body: {
                    ssh_key: sshKeyBody(store.get("ssh_key", idParameter(request, "ssh_key"))),
                },
            }),
        },
        {
            method: "POST",
            path: "/ssh_keys",
            handle: (request) => {
                const body = parseBody(createBody, request);
                const publicKey = body.public_key.trim();
                const fingerprint = fingerprintOf(publicKey);
                store.checkName("ssh_key", body.name);
                if (store.all("ssh_key").some((key) => key.fingerprint === fingerprint)) {
                    throw new ApiError(
                        "uniqueness_error",
                        `SSH key with the same fingerprint already exists (${fingerprint})`,
                    );
                }
                const key = store.add("ssh_key", {
                    name: body.name,
                    labels: body.labels ?? {},
                    publicKey,
                    fingerprint,
                });
                return { status: 201, body: { ssh_key: sshKeyBody(key) } };
            },
        },
        {
            method: "PUT",
            path: "/ssh_keys/:id",
            handle: (request) => {
                const key = store.get("ssh_key", idParameter(request, "ssh_key"));
                const body = parseBody(updateBody, request);
                store.update("ssh_key", key, body);
                return { body: { ssh_key: sshKeyBody(key) } };
            },
        },
        {
            method: "DELETE",
            path: "/ssh_keys/:id",
            handle: (request) => {
                store.remove("ssh_key", store.get("ssh_key", idParameter(request, "ssh_key")).id);
                return { status: 204 };
            },
        },
    ];
}

function fingerprintOf(publicKey: string): string {
    const fingerprint = sshFingerprint(publicKey);
    if (fingerprint === undefined) {
        throw invalidField("public_key", "invalid SSH key: one line of authorized_keys is needed");
    }
    return fingerprint;
}

function sshKeyBody(key: SshKeyObject): object {
    return {
        id: key.id,
        name: key.name,
        fingerprint: key.fingerprint,
        public_key: key.publicKey,
        labels: key.labels,
        created: key.created,
    };
}
