// The commands of the documents, and which test runs them.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after } from "node:test";
import { projectRoot } from "../../../local/paths";

/** Every page that a reader may type from. */
export const pages = [
    ...["README.md", "CONTRIBUTING.md", "bench/README.md", "examples/README.md"],
    ...fs
        .readdirSync(path.join(projectRoot, "docs"))
        .filter((name) => name.endsWith(".md"))
        .map((name) => `docs/${name}`),
];

export const textOf = (file: string) => fs.readFileSync(path.join(projectRoot, file), "utf8");

/** A block of commands of a page. */
export interface Block {
    /** `docs/dns.md:138`. */
    where: string;
    /** Its first command, which it is called by. */
    name: string;
    text: string;
}

/** The blocks of commands of a page, in order. */
export function blocksOf(page: string): Block[] {
    const text = textOf(page);
    return [...text.matchAll(/^( *)```sh\n([^]*?)^\1```$/gm)].map((match) => {
        const [, indent = "", inner = ""] = match;
        const lines = inner.split("\n").map((line) => line.slice(indent.length));
        return {
            where: `${page}:${text.slice(0, match.index).split("\n").length}`,
            name: lines.map(withoutComment).find((line) => line !== "") ?? "",
            text: lines.join("\n"),
        };
    });
}

const commandWord =
    /^(pulumi|np[mx]|mailhost|docker|systemctl|journalctl|dig|nc|openssl|resolvectl|find|df|ssh-key\w+|cut|rsync|sysctl|stack|\/usr\/local\/lib\/mailhost\/\w+|MAILHOST_\w+=\S+|\$old) /;

/** The commands within a page's sentences, each once. */
export function sentencesOf(page: string): string[] {
    const text = textOf(page).replace(/^( *)```\w*\n[^]*?^\1```$/gm, "");
    const code = [...text.matchAll(/`([^`\n]+)`/g)].map(([, inner = ""]) => inner);
    return [...new Set(code.filter((inner) => commandWord.test(inner)))];
}

/** A line without the remark at its end. */
export function withoutComment(line: string): string {
    return line.replace(/(^|\s+)#\s.*/, "").trim();
}

const test = (name: string) => `test/${name}.test.ts`;
const documents = test("e2e/documents");

/** Page → block → the test that runs it. */
export const runBy: Record<string, Record<string, string>> = {
    "README.md": {
        "git clone URL-OF-THIS-REPOSITORY pulumi-mailhost && cd pulumi-mailhost": documents,
        "npm run local -- status": documents,
        "npm run pulumi -- config set --path 'mailhost:domains[2].name' third.test": documents,
        "npm ci": test("e2e/move"),
        "pulumi stack output nextSteps": test("e2e/move"),
        "pulumi config set mailhost:protect false": test("e2e/move"),
    },
    "CONTRIBUTING.md": { "npm run check": documents },
    "examples/README.md": { "npm install": test("e2e/package") },
    "docs/configuration.md": { "pulumi config set mailhost:rebootTime 03:15": documents },
    "docs/dns.md": {
        "pulumi config set mailhost:domain example.com": documents,
        "pulumi config set --path 'mailhost:systemDkim.selectors[0]' default": documents,
        "pulumi config set --path mailhost:systemDkim.signing s2027": documents,
        "pulumi config set --path 'mailhost:systemDkim.selectors[0]' s2027": documents,
        "pulumi config set --path mailhost:dns.dnssec true": test("e2e/move"),
    },
    "docs/existing-server.md": {
        ...Object.fromEntries(
            [
                "pulumi config set --path mailhost:server.provider existing",
                "pulumi config set --path mailhost:server.dataDevice /dev/disk/by-id/NAME",
                "systemctl disable --now mailhost-renew.timer mailhost-stack.service &&",
                "pulumi up --target '**ExistingServer**' --target '**HostSetup**'",
                "cp -a /root/forwardemail.net/before/. /root/forwardemail.net/self-hosting/ &&",
                "pulumi stack export --file mail-host.json",
            ].map((name) => [name, test("e2e/existing")]),
        ),
    },
    "docs/moving.md": {
        "(umask 077 && pulumi stack output sshPrivateKey --show-secrets >old-host.key)":
            test("e2e/move"),
        "pulumi config set --path mailhost:server.provider digitalocean": test("e2e/move"),
        "$old 'systemctl disable --now mailhost-stack.service mailhost-renew.timer &&":
            test("e2e/move"),
        "pulumi up": test("e2e/move"),
        "pulumi stack rm --force old": test("e2e/move"),
        ". ./hosts.sh": test("e2e/move"),
        "pulumi stack init new --no-select": test("e2e/move"),
    },
    "docs/operations.md": {
        mailhost: test("e2e/upkeep"),
        "pulumi config set --path mailhost:stack.environment.SMTP_MESSAGE_MAX_SIZE 50mb": documents,
        "pulumi config set --path mailhost:stack.startTlsSubmission true": documents,
        'eval "$(pulumi stack output sshCommand) /usr/local/lib/mailhost/stack data-key HELPER_ENCRYPTION_KEY" | pulumi config set --secret mailhost:helperEncryptionKey':
            test("e2e/upkeep"),
    },
    "docs/pipelines.md": {
        "npm run -s pipeline -- preview --stack staging": test("engine/pipeline-deploy"),
    },
    "docs/policy.md": {
        "pulumi preview --policy-pack policy": documents,
        "pulumi preview --policy-pack policy --policy-pack-config production.json": documents,
    },
    "docs/servers.md": {
        "pulumi config set --path mailhost:server.provider digitalocean": test("e2e/digitalocean"),
    },
    "docs/upgrading.md": {
        "npm run mailhost -- pin --mail-tag v1.3.0": test("e2e/mail"),
    },
};

/** Commands within sentences, where no block has them → the test that runs them. */
export const sentences: Record<string, string> = {
    ...Object.fromEntries(
        [
            ...["npm run mailhost -- recover", "pulumi stack export --file state.json"],
            ...["webUrl", "clientSettings", "missingDomainValues"].map(
                (output) => `pulumi stack output ${output}`,
            ),
            "pulumi config set --secret mailhost:cloudflareApiToken",
            "ssh-keygen -t ed25519 -N '' -f ~/.ssh/mailhost",
            ...["dig +short example.com MX", "dig -x ADDRESS +short"],
            "openssl s_client -connect mx.<domain>:993 -servername mx.<domain> </dev/null | openssl x509 -noout -dates -issuer",
            "find STATE-FOLDER -name '*.attrs' -empty -delete",
            ...[
                "systemctl --failed",
                "journalctl -u mailhost-data",
                "journalctl -u mailhost-renew",
            ],
            ...["docker ps --all", "docker logs --tail 50 NAME", "docker system df", "df -h"],
            "docker inspect --format '{{.State.ExitCode}} {{.State.OOMKilled}}' NAME",
            ...["mailhost logs NAME --follow", "resolvectl flush-caches"],
            "/usr/local/lib/mailhost/certificates install",
            ...["stop", "start"].map((what) => `/usr/local/lib/mailhost/stack ${what}`),
        ].map((command) => [command, documents]),
    ),
    "$old systemctl enable --now mailhost-stack.service mailhost-renew.timer": test("e2e/move"),
    "pulumi stack rm --force new": test("e2e/move"),
    "pulumi login --local": test("e2e/move"),
    "pulumi cancel --stack prod": test("e2e/move"),
    "npm run mailhost -- recover --stack prod": test("e2e/move"),
    "npx mailhost dns": test("e2e/package"),
    "npx mailhost recover": test("e2e/package"),
    "pulumi config set --secret --path mailhost:secretEnvironment.WEBHOOK_SIGNATURE_KEY":
        test("e2e/upkeep"),
};

/** Commands within sentences → the test that does the same in words of its own, and a piece of these. */
export const inOwnWords: Record<string, readonly [test: string, piece: string]> = {
    "MAILHOST_ABANDON_HOST=203.0.113.7 pulumi up": [
        test("engine/data-guard"),
        "MAILHOST_ABANDON_HOST",
    ],
    "cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub": [
        test("e2e/existing"),
        "cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub",
    ],
    "mailhost recover": [test("e2e/kill"), "recovered()"],
    "npm install FILE": [test("e2e/package"), "${path.join(work, tarball)}"],
    "npm pack": [test("e2e/package"), '"npm", ["pack"'],
    "npm run local -- --machine vm": [test("e2e/vm-mail"), 'kind: "vm"'],
    "npm run local -- --provider digitalocean": [
        test("e2e/digitalocean"),
        "mailhost:server.provider digitalocean",
    ],
    "pulumi config set --path mailhost:dns.provider manual": [test("program/dns"), "manualDns()"],
    "systemctl enable --now mailhost-stack.service mailhost-renew.timer": [
        test("e2e/move"),
        "$old systemctl enable --now mailhost-stack.service mailhost-renew.timer",
    ],
    "pulumi import": [test("engine/cloudflare-import"), "pulumi import --yes"],
    "pulumi refresh": [test("e2e/dns"), '"refresh"'],
};

/** Commands that no test runs → why. */
export const notRun: Record<string, string> = {
    "npm run check": "runs before the tests in every pipeline, and takes as long as all blocks",
    ...Object.fromEntries(
        ["dns-preview", "dns-planner", "critical-path", "renewal-gap", "host-memory"].map(
            (name) => [
                `npm run bench -- ${name}`,
                "a measurement of minutes; test/unit/bench has its parts",
            ],
        ),
    ),
    "/usr/local/lib/mailhost/certificates issue": "what `pulumi up` runs on the host",
    "docker compose restart": "what a measurement compares with",
    "npm test -- test/e2e/mail.test.ts": "one of these tests; the blocks have one of another file",
    "npm run test:fast -- test/unit/host/plan.test.ts": "as in the blocks, which name no file",
    "npm run test:fast -- FILE": "no file's name",
    "npm test -- FILE": "no file's name",
    "npm run pulumi -- config set …": "shortened; a block has one",
    "npm install pulumi-mailhost": "not published yet",
    "npm install pulumi-mailhost@latest": "not published yet",
    "npm install --save-dev typescript": "npm's own, at its registry",
    "pulumi config set --path mailhost:certificate.authority https://ca.example.net/directory":
        "every laptop cloud's certificates are of another authority, by this setting",
    "nc -vz mx.example.com 25": "not everywhere installed; every test of mail connects to port 25",
    "sysctl --system": "the system's own, for a setting of somebody else's",
};

/** What a test runs of the documents. */
export interface BlocksOfTest {
    /** @throws AssertionError when the test is not the one that is named for it. */
    take(page: string, name: string): Block;
    /** A command within a sentence. */
    takeSentence(command: string): Block;
    /** It was run to its end. */
    wasRun(block: Block): void;
}

/**
 * To be called beside the `describe` of a test that is named in {@link runBy} or {@link sentences}: the test fails when
 * it has not run all that it is named for.
 *
 * @param file the test's `__filename`.
 */
export function blocksRunBy(file: string): BlocksOfTest {
    const own = path.relative(projectRoot, file);
    const left = new Set([
        ...Object.entries(runBy).flatMap(([page, names]) =>
            blocksOf(page)
                .filter(({ name }) => names[name] === own)
                .map(({ where }) => where),
        ),
        ...Object.keys(sentences).filter((command) => sentences[command] === own),
    ]);
    assert.ok(left.size > 0, `${own} is named for nothing`);
    after(() => assert.deepEqual([...left], [], "documented, and not run"));
    return {
        take(page, name) {
            assert.equal(runBy[page]?.[name], own, `${page}: ${name}`);
            const block = blocksOf(page).find((candidate) => candidate.name === name);
            assert.ok(block, `${page} has no block that begins with ${name}`);
            return block;
        },
        takeSentence(command) {
            assert.equal(sentences[command], own, command);
            return { where: command, name: command, text: command };
        },
        wasRun: ({ where }) => void left.delete(where),
    };
}
