import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
    certificateLineages,
    certificateNames,
    covers,
} from "../../../components/certificate/names";

describe("certificateLineages", () => {
    it("has the host's own with a wildcard, and one for each further domain", () => {
        assert.deepEqual(certificateLineages("example.com", ["example.org", "lists.example.com"]), [
            { name: "example.com", names: ["example.com", "*.example.com"] },
            {
                name: "example.org",
                names: [
                    "mta-sts.example.org",
                    "autoconfig.example.org",
                    "autodiscover.example.org",
                ],
            },
            {
                name: "lists.example.com",
                names: [
                    "mta-sts.lists.example.com",
                    "autoconfig.lists.example.com",
                    "autodiscover.lists.example.com",
                ],
            },
        ]);
    });

    it("keeps a certificate as it is when a domain is added", () => {
        const before = certificateLineages("example.com", ["example.org"]);
        const after = certificateLineages("example.com", ["example.net", "example.org"]);
        for (const lineage of before) {
            assert.deepEqual(
                after.find(({ name }) => name === lineage.name),
                lineage,
            );
        }
    });

    it("covers every name that it lists, and no others", () => {
        assert.deepEqual(certificateNames("example.com", ["example.org"]), [
            "example.com",
            "*.example.com",
            "mta-sts.example.org",
            "autoconfig.example.org",
            "autodiscover.example.org",
        ]);
    });
});

describe("covers", () => {
    const names = new Set(["example.com", "*.example.com", "mta-sts.example.org"]);
    const cases: Record<string, boolean> = {
        "example.com": true,
        "mx.example.com": true,
        "a.b.example.com": false,
        "example.org": false,
        "mta-sts.example.org": true,
        "x.mta-sts.example.org": false,
        "notexample.com": false,
        ".example.com": false,
        com: false,
        "": false,
    };
    for (const [name, expected] of Object.entries(cases)) {
        it(JSON.stringify(name), () => assert.equal(covers(names, name), expected));
    }

    it("takes a wildcard for one label only, not for none", () => {
        assert.equal(covers(new Set(["*.example.com"]), "example.com"), false);
        assert.equal(covers(new Set(["m*.example.com"]), "mx.example.com"), false);
    });
});
