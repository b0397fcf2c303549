// The MTA-STS policy as a sender reads it: mailauth finds it by the published records and fetches it over HTTPS.
import assert from "node:assert/strict";
import https from "node:https";
import { after, before, test } from "node:test";
import { getPolicy, validateMx } from "mailauth/lib/mta-sts";
import { webDocuments, type WebDocument } from "../../components/client-settings/web-documents";
import { domainSettings } from "../../components/dns/domain-settings";
import { mtaStsPolicy, mtaStsPolicyId } from "../../components/dns/mta-sts";
import {
    further,
    host,
    mailDomains,
    primary,
    publishMailDomains,
    type PublishedDomains,
} from "./support/published-mail-domains";
import { serve, type WebServer } from "./support/web-server";

const documents = mailDomains.flatMap((domain) =>
    webDocuments(primary, domainSettings(domain, "you@example.net")),
);
const policyOf = (domain: string): WebDocument => {
    const found = documents.find(({ host }) => host === `mta-sts.${domain}`);
    assert.ok(found);
    return found;
};

let published: PublishedDomains;
const globalAgent = https.globalAgent;
before(async () => {
    published = await publishMailDomains();
});
after(async () => {
    https.globalAgent = globalAgent;
    await published.stop();
});

/**
 * What a sender learns of a domain from a web server. The address that it found is replaced by the server's; the name
 * that the certificate has to cover is not.
 */
async function read(
    domain: string,
    served: readonly WebDocument[],
    { trusted = true, names = served.map(({ host }) => host) } = {},
): Promise<Awaited<ReturnType<typeof getPolicy>> & Pick<WebServer, "requests">> {
    const server = await serve(served, names);
    const ca = trusted ? server.authority : undefined;
    https.globalAgent = new https.Agent({ ca, host: "127.0.0.1", port: server.port });
    try {
        const found = await getPolicy(domain, undefined, { resolver: published.resolve });
        return { ...found, requests: server.requests };
    } finally {
        https.globalAgent.destroy();
        await server.stop();
    }
}

const expected = {
    [primary]: { mode: "testing", maxAge: 86_400 },
    [further]: { mode: "enforce", maxAge: 604_800 },
};

for (const domain of [primary, further] as const) {
    test(`a sender finds the policy of ${domain}, and the host in it`, async () => {
        const { status, policy, requests } = await read(domain, documents);
        assert.deepEqual(requests, [`https://mta-sts.${domain}/.well-known/mta-sts.txt`]);
        const { expires, ...rest } = policy;
        assert.ok(expires !== undefined);
        assert.deepEqual(
            { status, ...rest },
            {
                status: "found",
                id: mtaStsPolicyId(policyOf(domain).text),
                version: "STSv1",
                mx: [host],
                ...expected[domain],
            },
        );
        assert.deepEqual(validateMx(host, policy), {
            valid: true,
            mode: expected[domain].mode,
            match: host,
            testing: domain === primary,
        });
    });
}

test("a sender delivers to no other host", async () => {
    const { policy } = await read(further, documents);
    const { valid, mode } = validateMx("mx.example.net", policy);
    assert.deepEqual({ valid, mode }, { valid: false, mode: "enforce" });
});

test("a policy that does not name the host fails it", async () => {
    const hosts = ["elsewhere.example.net"];
    const text = mtaStsPolicy({ mode: "enforce", hosts, maxAgeSeconds: 604_800 });
    const { status, policy } = await read(further, [{ ...policyOf(further), text }]);
    const { valid, mode } = validateMx(host, policy);
    assert.deepEqual({ status, valid, mode }, { status: "found", valid: false, mode: "enforce" });
});

test("a sender believes no policy without the right certificate", async () => {
    const codes = [];
    for (const doubt of [{ trusted: false }, { names: ["mta-sts.example.net"] }]) {
        const { status, policy, requests } = await read(further, documents, doubt);
        assert.deepEqual({ status, mode: policy.mode }, { status: "errored", mode: "none" });
        assert.deepEqual(requests, []);
        codes.push((policy.error as NodeJS.ErrnoException).code);
    }
    assert.deepEqual(codes, ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "ERR_TLS_CERT_ALTNAME_INVALID"]);
});

test("a name without the record has no policy", async () => {
    const { status, requests } = await read(host, documents);
    assert.deepEqual({ status, requests }, { status: "not_found", requests: [] });
});
