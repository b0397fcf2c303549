/** A resource in an exported state; only what recovery looks at is typed, everything else is kept as it is. */
export interface StateResource {
    urn: string;
    type: string;
    id?: string;
    inputs?: Record<string, unknown>;
    outputs?: Record<string, unknown>;
    [key: string]: unknown;
}

/** What `pulumi stack export` prints. */
export interface ExportedStack {
    version: number;
    deployment: {
        resources?: StateResource[];
        pending_operations?: PendingOperation[];
        [key: string]: unknown;
    };
}

/** An operation that was under way when the engine ended. */
export interface PendingOperation {
    resource: StateResource;
    type: "creating" | "updating" | "deleting" | "reading" | "importing";
}
