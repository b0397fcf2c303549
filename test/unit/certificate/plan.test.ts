import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { certificateLineages } from "../../../components/certificate/names";
import { certificateProblems, type CertificatePlan } from "../../../components/certificate/plan";
import { formatProblems } from "../../../components/problem";

const plan: CertificatePlan = {
    authority: {
        directoryUrl: "https://acme-v02.api.letsencrypt.org/directory",
        issuer: "letsencrypt.org",
    },
    email: "you@example.net",
    lineages: certificateLineages("example.com", ["example.org"]),
    propagationSeconds: 20,
};
const token = "t".repeat(40);

describe("certificateProblems", () => {
    it("has none for a plan as it should be", () => {
        assert.deepEqual(certificateProblems(plan, token), []);
        assert.deepEqual(certificateProblems({ ...plan, propagationSeconds: 0 }), []);
        assert.deepEqual(certificateProblems({ ...plan, propagationSeconds: 900 }), []);
    });

    const cases: [what: string, changes: Partial<CertificatePlan>, problems: string[]][] = [
        [
            "no lineage",
            { lineages: [] },
            [
                "lineages: There is none: the host would have no certificate. Take what certificateLineages makes of the mail domains.",
            ],
        ],
        [
            "names that are no names",
            {
                lineages: [
                    {
                        name: "../etc",
                        names: ["example.com", "*.*.example.com", "a b.example.com"],
                    },
                ],
            },
            [
                'lineages[0].name: "../etc" is not a domain in lower-case ASCII. Name the lineage after its mail domain, e.g. example.com.',
                'lineages[0].names[1]: "*.*.example.com" is not a host name in lower-case ASCII. Give one such as mail.example.com, or *.example.com for all names of one more label.',
                'lineages[0].names[2]: "a b.example.com" is not a host name in lower-case ASCII. Give one such as mail.example.com, or *.example.com for all names of one more label.',
            ],
        ],
        [
            "two lineages of one name, one of them without names",
            {
                lineages: [
                    { name: "example.com", names: ["example.com"] },
                    { name: "example.com", names: [] },
                ],
            },
            [
                'lineages[1].name: There are two lineages "example.com". Put all names of a mail domain into one.',
                "lineages[1].names: 0 names are not what one certificate can have. Give 1 to 100.",
            ],
        ],
        [
            "more names than a certificate has",
            {
                lineages: [
                    {
                        name: "example.com",
                        names: Array.from({ length: 101 }, (_, n) => `n${n}.example.com`),
                    },
                ],
            },
            ["lineages[0].names: 101 names are not what one certificate can have. Give 1 to 100."],
        ],
        [
            "a directory without TLS, no address and no number",
            {
                authority: { directoryUrl: "http://ca.example.net/dir", issuer: "ca.example.net" },
                email: "you",
                propagationSeconds: 1.5,
                ca: "none",
            },
            [
                'authority.directoryUrl: "http://ca.example.net/dir" is not the https: URL of an ACME directory. Take what chosenAuthority makes of a choice, or give a URL such as https://ca.example.net/directory.',
                "ca: It holds no certificate in PEM form. Give the text of the file that the authority has for it, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----.",
                'email: "you" is not an e-mail address. Give one address without a display name, e.g. you@example.net.',
                "propagationSeconds: 1.5 is not a whole number from 0 to 900. Leave it out for 20, or give the seconds that your name servers take.",
            ],
        ],
    ];
    for (const [what, changes, problems] of cases) {
        it(`reports ${what}`, () =>
            assert.deepEqual(
                certificateProblems({ ...plan, ...changes }, token).map((each) =>
                    formatProblems([each]).trim(),
                ),
                problems,
            ));
    }

    it("reports a token of another form without showing it", () => {
        const problems = certificateProblems(plan, "short-secret");
        assert.deepEqual(
            problems.map(({ path }) => path),
            ["cloudflareApiToken"],
        );
        assert.doesNotMatch(formatProblems(problems), /short-secret/);
    });
});
