// Stacks that the tests of this folder have in common.
import { domainSettings } from "../../../components/dns/domain-settings";
import { formatProblems } from "../../../components/problem";
import type { ImageName, Release, StackSecrets } from "../../../components/stack/model";
import {
    planStack,
    renderRelease,
    stackProblems,
    type StackOptions,
    type StackContext,
    type StackPlan,
    type StackSurroundings,
} from "../../../components/stack/plan";
import assert from "node:assert/strict";

export const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

/** As `mailhost pin` writes them. */
export const images: Record<ImageName, string> = {
    mail: `ghcr.io/forwardemail/forwardemail.net-selfhosted:v1.0.0@${digest}`,
    mongodb: `docker.io/library/mongo:8.0@${digest}`,
    redis: `docker.io/library/redis:7.4@${digest}`,
    router: `docker.io/library/nginx:1.28@${digest}`,
};

export const secrets: StackSecrets = {
    helperEncryptionKey: "helper".padEnd(32, "h"),
    txtEncryptionKey: "a1".repeat(16),
    srsSecret: "srs".padEnd(32, "s"),
    smtpTransportPassword: "smtp".padEnd(32, "p"),
    webhookSignatureKey: "b2".repeat(16),
    apiSecret: "c3".repeat(32),
    authBasicPassword: "auth".padEnd(32, "w"),
    dkimPrivateKey: "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n",
    environment: {},
};

export const context: StackContext = {
    domain: "example.com",
    memoryMb: 8192,
    authBasicUsername: "admin",
    dkimSelector: "default",
    domains: ["example.com", "example.org"].map((name) =>
        domainSettings({ name }, "you@example.net"),
    ),
};

/** The plan of a stack whose arguments are right. */
export function planOf(
    args: StackOptions<unknown> = {},
    { given = context }: { given?: StackContext } = {},
): StackPlan {
    const whole = { images, ...args };
    assert.deepEqual(stackProblems("stack", whole, given), []);
    return planStack("stack", whole, given);
}

export function releaseOf(
    args: StackOptions<unknown> = {},
    environment: Readonly<Record<string, string>> = {},
    given: StackContext = context,
): Release {
    return renderRelease(planOf(args, { given }), { ...secrets, environment }, images);
}

/** The text of a file of a release. */
export function fileOf(release: Release, path: string): string {
    const found = release.files.find((file) => file.path === path);
    assert.ok(found, path);
    return found.content;
}

/** The problems of arguments, a line each; the images are right unless others are given. */
export function problemLines(args: unknown, surroundings: StackSurroundings = {}): string[] {
    const problems = stackProblems(
        "stack",
        { images, ...(args as StackOptions<unknown>) },
        surroundings,
    );
    return problems.map((problem) => formatProblems([problem]).trim());
}
