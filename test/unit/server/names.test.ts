import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
    cidrProblem,
    domainProblem,
    emailProblem,
    firstHostAddress,
    isEverywhere,
    nearestName,
} from "../../../components/names";

describe("firstHostAddress", () => {
    const cases = [
        ["2001:db8:25::", "2001:db8:25::1"],
        ["2001:db8:25::/64", "2001:db8:25::1"],
        ["2001:db8:0:0:1::/80", "2001:db8::1:0:0:1"],
        ["2001:db8:1:2:3:4:5:0/112", "2001:db8:1:2:3:4:5:1"],
        ["2001:db8::1", "2001:db8::1"],
    ] as const;
    for (const [network, address] of cases) {
        it(network, () => assert.equal(firstHostAddress(network), address));
    }
});

describe("isEverywhere", () => {
    const cases = {
        "0.0.0.0/0": true,
        "::/0": true,
        "0.0.0.0/1": false,
        "203.0.113.0/24": false,
        nonsense: false,
    };
    for (const [cidr, expected] of Object.entries(cases)) {
        it(cidr, () => assert.equal(isEverywhere(cidr), expected));
    }
});

describe("nearestName", () => {
    const names = ["domain", "email", "server", "sshAllowedCidrs"];
    const cases: [name: string, nearest: string | undefined][] = [
        ["doamin", "domain"],
        ["Domain", "domain"],
        ["e-mail", "email"],
        ["sshAllowedCidr", "sshAllowedCidrs"],
        ["servers", "server"],
        ["greylisting", undefined],
        ["", undefined],
        ["mail", "email"],
        ["e", undefined],
        ["serv", "server"],
        ["ser", undefined],
    ];
    for (const [name, nearest] of cases) {
        it(JSON.stringify(name), () => assert.equal(nearestName(name, names), nearest));
    }

    it("finds every name that one character was lost, added or changed in", () => {
        fc.assert(
            fc.property(
                fc.constantFrom(...names),
                fc.nat(100),
                fc.constantFrom("", "x"),
                fc.boolean(),
                (name, at, put, keep) => {
                    const place = at % name.length;
                    const rest = name.slice(keep ? place : place + 1);
                    assert.equal(nearestName(name.slice(0, place) + put + rest, names), name);
                },
            ),
        );
    });
});

describe("nearestName of short names", () => {
    it("is none of which more than a third differs", () => {
        assert.equal(nearestName("ram", ["image", "ca"]), undefined);
        assert.equal(nearestName("cs", ["ca"]), undefined);
        assert.equal(nearestName("CA", ["ca"]), "ca");
        assert.equal(nearestName("wbe", ["web"]), "web");
        assert.equal(nearestName("mx", ["m"]), undefined);
    });
});

describe("checks", () => {
    it("end for any text, and repeat it as JSON", () => {
        fc.assert(
            fc.property(
                fc.oneof(fc.string({ unit: "binary" }), fc.domain(), fc.emailAddress()),
                (text) => {
                    for (const check of [domainProblem, emailProblem, cidrProblem]) {
                        const problem = check("path", text);
                        if (problem) assert.ok(!/[\r\n]/.test(problem.reason + problem.remedy));
                    }
                },
            ),
        );
    });

    it("take what domainProblem proposes", () => {
        const spellings = [
            "https://Example.com/",
            "EXAMPLE.COM",
            "*.example.com.",
            "you@example.com",
            "example.com:25",
            "münchen.example",
        ];
        for (const spelling of spellings) {
            const proposal = /^Write (.*)\.$/.exec(
                domainProblem("domain", spelling)?.remedy ?? "",
            )?.[1];
            assert.equal(domainProblem("domain", proposal), undefined, spelling);
        }
    });

    it("take what cidrProblem proposes", () => {
        for (const cidr of ["203.0.113.7", "2001:db8::7", "203.0.113.7/24", "2001:db8::7/48"]) {
            const proposal =
                /^Write (\S+?)[.,]?( or .*)?$/.exec(cidrProblem("cidr", cidr)?.remedy ?? "")?.[1] ??
                "";
            assert.equal(cidrProblem("cidr", proposal), undefined, `${cidr} → ${proposal}`);
        }
    });
});
