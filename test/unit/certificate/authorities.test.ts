import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
    authorityProblems,
    chosenAuthority,
    type AuthorityArgs,
    pemCertificates,
} from "../../../components/certificate/authorities";
import { authorityPem } from "./authority-certificate";

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
        [
            {
                authority: "https://198.18.1.2:14000/dir",
                issuer: "ca.example.net",
                ca: authorityPem + authorityPem,
            },
            "https://198.18.1.2:14000/dir",
            "ca.example.net",
        ],
    ];
    for (const [args, directoryUrl, issuer] of cases) {
        it(JSON.stringify(args).slice(0, 100), () => {
            assert.deepEqual(authorityProblems("certificate", args), []);
            assert.deepEqual(chosenAuthority(args), { directoryUrl, issuer });
        });
    }
});

describe("authorityProblems", () => {
    const other = { authority: "https://ca.example.net/dir", issuer: "ca.example.net" };
    const fromFile =
        "Give the text of the file that the authority has for it, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----.";
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
        [
            // What the parser of URLs overlooks would be further lines on the host.
            { authority: "https://ca.example.net/dir\nemail x", issuer: "ca.example.net" },
            [
                'certificate.authority: "https://ca.example.net/dir\\nemail x" is neither an authority that this version knows nor the https: URL of an ACME directory. Choose letsencrypt or letsencrypt-staging, or give a URL such as https://ca.example.net/directory.',
            ],
        ],
        [
            { authority: "letsencrypt", ca: authorityPem },
            [
                "certificate.ca: It is given, but every system trusts the directory of letsencrypt already. Leave certificate.ca out, or give the https: URL of another authority's directory as certificate.authority.",
            ],
        ],
        [
            { ...other, ca: "ca.pem" },
            [`certificate.ca: It holds no certificate in PEM form. ${fromFile}`],
        ],
        [
            { ...other, ca: 7 as unknown as string },
            [`certificate.ca: It is not a text. ${fromFile}`],
        ],
        [
            { ...other, ca: authorityPem + authorityPem.replace(/MII/, "MIJ") },
            [`certificate.ca: Its certificate 2 can't be read. ${fromFile}`],
        ],
        [
            { ...other, ca: `${authorityPem}-----BEGIN PRIVATE KEY-----\nMC4C\n` },
            ["certificate.ca: It holds a private key. Give the certificate alone."],
        ],
    ];
    for (const [args, problems] of cases) {
        it(JSON.stringify(args).slice(0, 100), () =>
            assert.deepEqual(
                authorityProblems("certificate", args).map(
                    ({ path, reason, remedy }) => `${path}: ${reason} ${remedy}`,
                ),
                problems,
            ),
        );
    }
});

describe("pemCertificates", () => {
    it("leaves out what stands around them", () => {
        const text = `subject=/CN=x\r\n${authorityPem.replaceAll("\n", "\r\n")}\n# END_OF_FILE\n${authorityPem}`;
        assert.deepEqual(pemCertificates(text), [authorityPem, authorityPem]);
    });
});
