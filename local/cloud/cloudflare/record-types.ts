import ipaddr from "ipaddr.js";
import type { CloudflareError } from "./api-error";
import { targetName } from "./names";
import { quoted, txtStrings } from "./txt-content";

/** What a record of some type is given. */
export interface GivenContent {
    content?: string | undefined;
    data?: Record<string, unknown> | undefined;
    priority?: number | undefined;
}

/** The same as the API keeps and returns it. */
export interface RecordContent {
    content: string;
    data?: Record<string, string | number>;
    priority?: number;
}

interface RecordKind {
    /** In the API's form; what is wrong goes to the problems. */
    normalise(given: GivenContent, zone: string, problems: CloudflareError[]): RecordContent;
    /** In presentation form (RFC 1035 §5.1), names with a trailing dot. */
    rdata(content: RecordContent): string;
}

const absolute = (name: string | number): string => `${name}`.replace(/\.?$/, ".");

function address(
    parse: (text: string) => string | undefined,
    problem: CloudflareError,
): RecordKind {
    return {
        normalise({ content = "" }, _zone, problems) {
            const parsed = parse(content);
            if (parsed === undefined) problems.push(problem);
            return { content: parsed ?? content };
        },
        rdata: ({ content }) => content,
    };
}

function target(problem: CloudflareError): RecordKind {
    return {
        normalise({ content = "" }, zone, problems) {
            const name = targetName(content, zone);
            if (name === undefined) problems.push(problem);
            return { content: name ?? content };
        },
        rdata: ({ content }) => absolute(content),
    };
}

const mailExchanger: RecordKind = {
    normalise({ content = "", priority }, zone, problems) {
        if (priority === undefined) {
            problems.push({ code: 9100, message: "priority is a required field." });
        } else if (!isWithin(priority, 65535)) {
            problems.push({ code: 9100, message: "priority must be between 0 and 65535." });
        }
        const name = content === "." ? content : targetName(content, zone);
        if (name === undefined) {
            problems.push({
                code: 9009,
                message:
                    "Change the content of your MX record to be a hostname (and not an IP address). For more details, refer to <https://developers.cloudflare.com/dns/manage-dns-records/how-to/email-records/#add-mx-records>.",
            });
        }
        return { content: name ?? content, priority: priority ?? 0 };
    },
    rdata: ({ content, priority }) => `${priority} ${absolute(content)}`,
};

const text: RecordKind = {
    normalise({ content = "" }, _zone, problems) {
        if (content === "") {
            problems.push({ code: 9100, message: "content is a required field." });
        } else if (txtStrings(content) === undefined) {
            problems.push({ code: 9051, message: "Invalid content for TXT record." });
        }
        return { content };
    },
    rdata: ({ content }) => (txtStrings(content) ?? []).map(quoted).join(" "),
};

/** Whether a part of `data` is right, as it is returned; undefined when it is not. */
type Part = (value: unknown, zone: string) => string | number | undefined;

const number =
    (maximum: number): Part =>
    (value) =>
        isWithin(value, maximum) ? value : undefined;
const hexadecimal: Part = (value) =>
    typeof value === "string" && /^([0-9a-f]{2})+$/i.test(value) ? value.toUpperCase() : undefined;
const matching =
    (pattern: RegExp): Part =>
    (value) =>
        typeof value === "string" && pattern.test(value) ? value : undefined;
const host: Part = (value, zone) =>
    typeof value === "string" &&
    value !== "@" &&
    (value === "." || targetName(value, zone) !== undefined)
        ? value
        : undefined;
const anyText = matching(/^[\x20-\x7e]+$/);
/** RFC 9460 §2.1 */
const serviceParameters = matching(/^( *[a-z0-9-]+(=("[^"\\]*"|[^\s"\\;()]+))?(?= |$))* *$/);

/** A type that is given by the parts of its content. */
function parts<const Name extends string>(
    fields: Record<Name, Part>,
    form: (data: Record<Name, string | number>) => string,
    rdata: (data: Record<Name, string | number>) => string = form,
    optional: readonly NoInfer<Name>[] = [],
): RecordKind {
    const names = Object.keys(fields) as Name[];
    return {
        normalise({ data = {} }, zone, problems) {
            const entries = names.map((name) => {
                const given = data[name] ?? (optional.includes(name) ? "" : undefined);
                if (given === undefined) {
                    problems.push({ code: 9101, message: `${name} is a required data field.` });
                    return [name, ""] as const;
                }
                const value = fields[name](given, zone);
                if (value === undefined) {
                    problems.push({ code: 9102, message: `${name} is invalid.` });
                }
                return [name, value ?? ""] as const;
            });
            const normalised = Object.fromEntries(entries) as Record<Name, string | number>;
            return { content: form(normalised), data: normalised };
        },
        rdata: ({ data }) => rdata(data as Record<Name, string | number>),
    };
}

/** Returned beside the data as well; the real provider compares it with what the program gives. */
function withPriority(kind: RecordKind): RecordKind {
    return {
        ...kind,
        normalise(...given) {
            const content = kind.normalise(...given);
            return { ...content, priority: Number(content.data?.["priority"]) };
        },
    };
}

const association = parts(
    {
        usage: number(255),
        selector: number(255),
        matching_type: number(255),
        certificate: hexadecimal,
    },
    (data) => `${data.usage} ${data.selector} ${data.matching_type} ${data.certificate}`,
);

const service = parts(
    { priority: number(65535), target: host, value: serviceParameters },
    ({ priority, target, value }) => `${priority} ${target} ${value}`.trim(),
    ({ priority, target, value }) => `${priority} ${absolute(target)} ${value}`.trim(),
    ["value"],
);

/**
 * The record types that are simulated.
 * Codes and messages for A, AAAA and MX, for a missing priority and the message for missing parts of `data` are quoted
 * by clients' issues; 9007 and 9051 are quoted with other messages; the rest is not verified.
 */
export const recordKinds = {
    A: address((text) => (ipaddr.IPv4.isValidFourPartDecimal(text) ? text : undefined), {
        code: 9005,
        message: "Content for A record must be a valid IPv4 address.",
    }),
    AAAA: address(
        (text) =>
            ipaddr.IPv6.isValid(text) && !text.includes("%")
                ? ipaddr.IPv6.parse(text).toRFC5952String()
                : undefined,
        { code: 9006, message: "Content for AAAA record must be a valid IPv6 address." },
    ),
    CAA: parts(
        { flags: number(255), tag: matching(/^[a-z0-9]+$/), value: anyText },
        ({ flags, tag, value }) => `${flags} ${tag} "${value}"`,
        ({ flags, tag, value }) => `${flags} ${tag} ${quoted(Buffer.from(String(value)))}`,
    ),
    CNAME: target({ code: 9007, message: "Content for CNAME record is invalid." }),
    HTTPS: service,
    MX: mailExchanger,
    NS: target({ code: 9010, message: "Content for NS record is invalid." }),
    PTR: target({ code: 9011, message: "Content for PTR record is invalid." }),
    SMIMEA: association,
    SRV: withPriority(
        parts(
            { priority: number(65535), weight: number(65535), port: number(65535), target: host },
            ({ weight, port, target }) => `${weight} ${port} ${target}`,
            (data) => `${data.priority} ${data.weight} ${data.port} ${absolute(data.target)}`,
        ),
    ),
    SSHFP: parts(
        { algorithm: number(255), type: number(255), fingerprint: hexadecimal },
        (data) => `${data.algorithm} ${data.type} ${data.fingerprint}`,
    ),
    SVCB: service,
    TLSA: association,
    TXT: text,
} satisfies Record<string, RecordKind>;

export type RecordType = keyof typeof recordKinds;

/** The real API's types that are not simulated. */
export const otherTypes = ["CERT", "DNSKEY", "DS", "LOC", "NAPTR", "OPENPGPKEY", "URI"];

export function isRecordType(text: string): text is RecordType {
    return Object.hasOwn(recordKinds, text);
}

function isWithin(value: unknown, maximum: number): value is number {
    return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= maximum;
}
