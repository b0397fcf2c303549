// What a person reads of `pulumi preview --json`: which resources change, and what that does to the mail. Values are never shown.

/** One step of `pulumi preview --json`, as far as it is read. */
export interface PreviewStep {
    op: string;
    urn: string;
    diffReasons?: string[] | null;
    replaceReasons?: string[] | null;
}

/** `pulumi preview --json`, as far as it is read. */
export interface Preview {
    steps: PreviewStep[];
    diagnostics: { message: string; severity: string }[];
}

export interface Change {
    action: string;
    type: string;
    name: string;
    /** Top-level properties that differ, sorted. */
    properties: string[];
}

/** GitHub refuses a comment of more than 65,536 characters; nobody reads as many. */
export const longestReport = 20_000;
const mostRows = 100;
const mostMessages = 20;
const longestMessage = 500;

/**
 * @param text what `pulumi preview --json` printed.
 * @throws Error when it is not such a document; its text is not repeated.
 */
export function parsePreview(text: string): Preview {
    let value: Partial<Preview> | null;
    try {
        value = JSON.parse(text) as Partial<Preview> | null;
    } catch {
        throw new Error("`pulumi preview --json` printed no JSON. Run it by hand to see why.");
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
        throw new Error("`pulumi preview --json` printed no object. Run it by hand to see why.");
    }
    return { steps: value.steps ?? [], diagnostics: value.diagnostics ?? [] };
}

/** What is created, updated, replaced and deleted, each once, in the order of the preview. */
export function changesOf({ steps }: Preview): Change[] {
    const changes = new Map<string, Change>();
    for (const { op, urn, diffReasons, replaceReasons } of steps) {
        // A provider's configuration is no resource of the mail host; its token may be another than the last one.
        const [, , types = "", name = ""] = urn.split("::");
        const type = types.split("$").pop()!;
        if (["same", "read", "refresh"].includes(op) || type.startsWith("pulumi:")) continue;
        const action = op.includes("replace") ? "replace" : op;
        const properties = [
            ...(changes.get(urn)?.properties ?? []),
            ...(diffReasons ?? []),
            ...(replaceReasons ?? []),
        ].map((property) => property.split(/[.[]/)[0]!);
        changes.set(urn, { action, type, name, properties: [...new Set(properties)].sort() });
    }
    return [...changes.values()];
}

const servers = ["hcloud:index/server:Server", "digitalocean:index/droplet:Droplet"];
const volumes = ["hcloud:index/volume:Volume", "digitalocean:index/volume:Volume"];
const addresses = ["hcloud:index/primaryIp:PrimaryIp", "digitalocean:index/reservedIp:ReservedIp"];

/** What the changes do to those who use the host, a sentence each. */
export function warningsOf(changes: readonly Change[]): string[] {
    return changes.flatMap(({ action, type, name, properties }) => {
        const goes = action === "delete" || action === "replace";
        if (servers.includes(type) && action === "replace") {
            return [
                `The server ${name} is replaced: mail stops for the minutes until the new one serves.`,
            ];
        }
        if (servers.includes(type) && action === "delete") {
            return [`The server ${name} is deleted: mail stops.`];
        }
        if (servers.includes(type) && properties.some((p) => ["serverType", "size"].includes(p))) {
            return [
                `The server ${name} is switched off while its type changes: mail stops for minutes.`,
            ];
        }
        if (volumes.includes(type) && goes) {
            return [`The volume ${name} is deleted, and every mailbox on it.`];
        }
        if (addresses.includes(type) && goes) {
            return [
                `The address ${name} is given up: the host gets another, without this one's reputation.`,
            ];
        }
        return [];
    });
}

/** Shorter texts stand in every report: masking them would hide what it says. */
const shortestSecret = 4;

/** The values of this environment that must not be shown, the longest first: one may begin like another. */
export function secretsOf(environment: NodeJS.ProcessEnv): string[] {
    return Object.entries(environment)
        .filter(([name]) => /TOKEN|PASSPHRASE|PASSWORD|SECRET|PRIVATE|KEY/.test(name))
        .map(([, value = ""]) => value.trim())
        .filter((value) => value.length >= shortestSecret)
        .sort((a, b) => b.length - a.length);
}

export interface ReportOptions {
    /** The stack's name. */
    stack: string;
    /** `preview`: what an `up` would do; `drift`: what differs from what was deployed. */
    kind: "preview" | "drift";
    /** Whether the engine ended with an error. */
    failed: boolean;
    /** Why it says nothing about drift, in sentences; what differs is then not shown. @default it does */
    unsettled?: string;
    /** Texts that are masked wherever they stand. */
    secrets?: readonly string[];
}

/** Finds the comment of an earlier run, to be replaced. */
export function reportMarker({ kind, stack }: Pick<ReportOptions, "kind" | "stack">): string {
    return `<!-- pulumi-mailhost ${kind} ${stack} -->`;
}

/** What the engine and the program have said of that severity, which stands before each. */
export function messagesOf(
    { diagnostics }: Preview,
    severity: "error" | "warning",
    secrets: readonly string[] = [],
): string[] {
    return diagnostics
        .filter((told) => told.severity === severity && told.message.trim() !== "")
        .map(({ message }) => {
            const text = plain(masked(message, secrets));
            // The engine puts it there for some of them itself.
            const own = text.startsWith(`${severity}: `) ? text : `${severity}: ${text}`;
            return own.slice(0, longestMessage);
        });
}

/** The text without these. */
export function masked(text: string, secrets: readonly string[] = []): string {
    return secrets.reduce((hidden, secret) => hidden.replaceAll(secret, "[secret]"), text);
}

/** Markdown of at most {@link longestReport} characters. */
export function renderReport(preview: Preview, options: ReportOptions): string {
    const changes = options.unsettled === undefined ? changesOf(preview) : [];
    const lines = [
        reportMarker(options),
        `### ${options.kind === "preview" ? "Preview" : "Drift"} of \`${options.stack}\``,
        "",
        summary(changes, options),
    ];
    for (const warning of warningsOf(changes)) lines.push("", `> **Careful.** ${inline(warning)}`);
    if (changes.length > 0) {
        lines.push("", "| action | resource | type | what differs |", "| --- | --- | --- | --- |");
        for (const { action, name, type, properties } of changes.slice(0, mostRows)) {
            const cells = [action, `\`${inline(name)}\``, `\`${inline(type)}\``];
            lines.push(`| ${[...cells, inline(properties.join(", "))].join(" | ")} |`);
        }
        if (changes.length > mostRows) lines.push("", `And ${changes.length - mostRows} more.`);
    }
    const told = (["error", "warning"] as const).flatMap((severity) =>
        messagesOf(preview, severity, options.secrets),
    );
    if (told.length > 0) {
        lines.push("", "~~~text", ...told.slice(0, mostMessages), "~~~");
        if (told.length > mostMessages) {
            lines.push("", `And ${told.length - mostMessages} more messages.`);
        }
    }
    return bounded(masked(lines.join("\n"), options.secrets));
}

function summary(changes: readonly Change[], options: ReportOptions): string {
    const { kind, failed, unsettled } = options;
    if (unsettled !== undefined) return `**Nothing can be said about ${kind} now.** ${unsettled}`;
    if (failed) return `**The ${kind} failed.** Nothing was changed.`;
    if (changes.length === 0) {
        return kind === "preview"
            ? "Nothing would change."
            : "Nothing differs from what was deployed.";
    }
    const counts = ["create", "update", "replace", "delete"].flatMap((action) => {
        const count = changes.filter((change) => change.action === action).length;
        return count > 0 ? [`${count} to ${action}`] : [];
    });
    return `${counts.join(", ")}.`;
}

/** Nothing that ends a table's cell, begins a mention or is taken for HTML. */
function inline(text: string): string {
    return plain(text).replaceAll(/[|`<>@\n]/g, " ");
}

function plain(text: string): string {
    return text
        .replaceAll(/\p{Cc}\[[0-9;]*m|<\{%[^%]*%\}>/gu, "")
        .replaceAll(/[^\P{Cc}\n]/gu, "")
        .replaceAll("~~~", "~ ~ ~")
        .trim();
}

function bounded(text: string): string {
    const cut = "\n~~~\n\nThe rest was cut off.";
    return text.length <= longestReport ? text : text.slice(0, longestReport - cut.length) + cut;
}
