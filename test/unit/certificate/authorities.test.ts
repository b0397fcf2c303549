import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
    authorityProblems,
    chosenAuthority,
    type AuthorityArgs,
} from "../../../components/certificate/authorities";

describe("chosenAuthority", () => {
    const cases: [args: AuthorityArgs, directoryUrl: string, issuer: string][] = [
        [{}, "https://acme-v02.api.letsencrypt.org/directory", "letsencrypt.org"],
        [
            { authority: "letsencrypt", issuer: "letsencrypt.org" },
            "https://acme-v02.api.letsencrypt.org/directory",
            "letsencrypt.org",
        ],
        [
            { authority: "letsencrypt-staging" },
            "https://acme-staging-v02.api.letsencrypt.org/directory",
            "letsencrypt.org",
        ],
        [
            { authority: "https://ca.example.net/dir", issuer: "ca.example.net" },
            "https://ca.example.net/dir",
            "ca.example.net",
        ],
    ];
    for (const [args, directoryUrl, issuer] of cases) {
        it(JSON.stringify(args), () => {
            assert.deepEqual(authorityProblems("certificate", args), []);
            assert.deepEqual(chosenAuthority(args), { directoryUrl, issuer });
        });
    }
});

describe("authorityProblems", () => {
    const cases: [args: AuthorityArgs, problems: string[]][] = [
        [
            { authority: "letsencrpyt", issuer: "letsencrypt.org" },
            [
                'certificate.authority: "letsencrpyt" is neither an authority that this version knows nor the https: URL of an ACME directory. Did you mean letsencrypt? Choose letsencrypt or letsencrypt-staging, or give a URL such as https://ca.example.net/directory.',
            ],
        ],
        [
            { authority: "http://ca.example.net/dir" },
            [
                'certificate.authority: "http://ca.example.net/dir" is neither an authority that this version knows nor the https: URL of an ACME directory. Choose letsencrypt or letsencrypt-staging, or give a URL such as https://ca.example.net/directory.',
                "certificate.issuer: The issuer domain of the authority is missing: the CAA records would shut it out. Give the domain that the authority's documentation has for CAA records, e.g. pki.goog.",
            ],
        ],
        [
            { authority: "https://ca.example.net/dir", issuer: "Pki.Goog." },
            [
                'certificate.issuer: "Pki.Goog." is not the issuer domain of a certificate authority. Give the bare domain in lower case that the authority\'s documentation has for CAA records, e.g. letsencrypt.org.',
            ],
        ],
        [
            { authority: "letsencrypt", issuer: "pki.goog" },
            [
                'certificate.issuer: "pki.goog" is not the issuer domain of letsencrypt: that is letsencrypt.org. Leave certificate.issuer out.',
            ],
        ],
        [
            { authority: "constructor", issuer: "pki.goog" },
            [
                'certificate.authority: "constructor" is neither an authority that this version knows nor the https: URL of an ACME directory. Choose letsencrypt or letsencrypt-staging, or give a URL such as https://ca.example.net/directory.',
            ],
        ],
    ];
    for (const [args, problems] of cases) {
        it(JSON.stringify(args), () =>
            assert.deepEqual(
                authorityProblems("certificate", args).map(
                    ({ path, reason, remedy }) => `${path}: ${reason} ${remedy}`,
                ),
                problems,
            ),
        );
    }
});
