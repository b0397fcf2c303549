import * as pulumi from "@pulumi/pulumi";
import { cloudflare, MailHost, manualDns } from "./components";
import { formatProblems } from "./components/problem";
import { readConfig } from "./program/config";
import { serverOf } from "./program/server-choice";

const { config, problems } = readConfig({
    entries: pulumi.runtime.allConfig(),
    secretKeys: JSON.parse(process.env["PULUMI_CONFIG_SECRET_KEYS"] || "[]") as string[],
    project: pulumi.getProject(),
    stack: pulumi.getStack(),
    environment: process.env,
});
if (!config) {
    throw new pulumi.RunError(
        `The configuration has ${problems.length === 1 ? "a problem" : `${problems.length} problems`}; nothing was changed.\n` +
            `${formatProblems(problems)}\n` +
            `Mend it in Pulumi.${pulumi.getStack()}.yaml, or with: pulumi config set [--path] KEY VALUE, or pulumi config rm [--path] KEY`,
    );
}

const {
    server,
    sshPrivateKey: loginKey,
    dns: dnsConfig,
    certificate,
    cloudflareApiToken,
    ...args
} = config;
const { secretEnvironment } = args.stack ?? {};
const mail = new MailHost("mail", {
    ...args,
    server: serverOf(server, loginKey),
    helperEncryptionKey: args.helperEncryptionKey && pulumi.secret(args.helperEncryptionKey),
    txtEncryptionKey: args.txtEncryptionKey && pulumi.secret(args.txtEncryptionKey),
    stack: {
        ...args.stack,
        ...(secretEnvironment && {
            secretEnvironment: Object.fromEntries(
                Object.entries(secretEnvironment).map(([name, v]) => [name, pulumi.secret(v)]),
            ),
        }),
    },
    dns: dnsConfig.provider === "manual" ? manualDns(dnsConfig) : cloudflare(dnsConfig),
    certificate: {
        ...certificate,
        cloudflareApiToken: cloudflareApiToken && pulumi.secret(cloudflareApiToken),
    },
});

export const {
    webUrl,
    clientSettings,
    ipv4,
    ipv6,
    hostName,
    sshCommand,
    sshPrivateKey,
    sshHostKey,
    authBasicUsername,
    authBasicPassword,
    dns,
    dnssec,
    missingDomainValues,
    nextSteps,
} = mail;
