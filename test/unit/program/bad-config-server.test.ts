import { describe } from "node:test";
import { serverTypes } from "../../../components/server/hetzner-catalogue";
import { server, testEach, type BadConfig } from "./support/bad-config";

const cidrsRemedy =
    "List the address blocks that you administer from, e.g. 203.0.113.0/24 (0.0.0.0/0 is everyone).";

const cases: BadConfig[] = [
    {
        name: "server missing",
        changes: { "mailhost:server": undefined },
        expected: [
            `mailhost:server.sshAllowedCidrs: Nothing says who may connect over SSH; no default is safe. ${cidrsRemedy}`,
        ],
    },
    {
        name: "server is a text",
        changes: { "mailhost:server": "hetzner" },
        expected: [
            'mailhost:server: "hetzner" is not a group of settings. Set each of its own, e.g. pulumi config set --path mailhost:server.type cax21.',
        ],
    },
    {
        name: "server is a list",
        changes: { "mailhost:server": ["cax21"] },
        expected: [
            'mailhost:server: ["cax21"] is not a group of settings. Set each of its own, e.g. pulumi config set --path mailhost:server.type cax21.',
        ],
    },
    {
        name: "unknown provider",
        changes: server({ provider: "hetzer" }),
        expected: [
            'mailhost:server.provider: "hetzer" is not hetzner or digitalocean or existing. Choose hetzner or digitalocean or existing.',
        ],
    },
    {
        name: "misspelt type",
        changes: server({ type: "cx21" }),
        expected: [
            'mailhost:server.type: "cx21" is not a server type that this version knows. Choose cax21, cx23, cx33, cx43, cx53; for a newer type, give server.architecture (x86 or arm) as well.',
        ],
    },
    {
        name: "type without a likeness",
        changes: server({ type: "t3.medium" }),
        expected: [
            `mailhost:server.type: "t3.medium" is not a server type that this version knows. Choose ${serverTypes.map(({ name }) => name).join(", ")}; for a newer type, give server.architecture (x86 or arm) as well.`,
        ],
    },
    {
        name: "newer type in a wrong form",
        changes: server({ type: "CAX 21", architecture: "arm" }),
        expected: [
            'mailhost:server.type: "CAX 21" does not have the form of a server type. Give the name that Hetzner\'s price list has, in lower case, e.g. cax21.',
        ],
    },
    {
        name: "architecture contradicts the type",
        changes: server({ type: "cax21", architecture: "x86" }),
        expected: [
            'mailhost:server.architecture: "x86" contradicts the type: cax21 is arm. Leave server.architecture out.',
        ],
    },
    {
        name: "unknown architecture",
        changes: server({ architecture: "arm64" }),
        expected: ['mailhost:server.architecture: "arm64" is not x86 or arm. Choose x86 or arm.'],
    },
    {
        name: "unknown location",
        changes: server({ location: "eu-central-1" }),
        expected: [
            'mailhost:server.location: "eu-central-1" is not a location of Hetzner Cloud. Choose one of fsn1, nbg1, hel1, ash, hil, sin.',
        ],
    },
    {
        name: "location without the type",
        changes: server({ type: "cax21", location: "ash" }),
        expected: [
            "mailhost:server.location: Hetzner has no cax21 at ash. Choose fsn1, nbg1, hel1, or a type that ash has: cpx11, cpx21, cpx31, cpx41, cpx51, ccx13, ccx23, ccx33, ccx43, ccx53, ccx63.",
        ],
    },
    {
        name: "no one may log in",
        changes: { "mailhost:server": { sshAllowedCidrs: [] } },
        expected: [
            `mailhost:server.sshAllowedCidrs: The list is empty, and the host is set up over SSH. ${cidrsRemedy}`,
        ],
    },
    {
        name: "CIDRs as one text",
        changes: { "mailhost:server": { sshAllowedCidrs: "203.0.113.0/24" } },
        expected: [
            'mailhost:server.sshAllowedCidrs: "203.0.113.0/24" is not a list of texts. Write a list, e.g. ["203.0.113.0/24"].',
        ],
    },
    {
        name: "a number among the CIDRs",
        changes: { "mailhost:server": { sshAllowedCidrs: ["203.0.113.0/24", 5] } },
        expected: [
            "mailhost:server.sshAllowedCidrs[1]: 5 is not a text. Write one text, in quotes.",
        ],
    },
    {
        name: "addresses without a prefix length, blocks that start elsewhere, and no block at all",
        changes: {
            "mailhost:server": {
                sshAllowedCidrs: [
                    "203.0.113.7",
                    "2001:db8::1",
                    "203.0.113.7/24",
                    "2001:db8::1/32",
                    "203.0.113.0/33",
                    "home",
                    "10/8",
                ],
            },
        },
        expected: [
            'mailhost:server.sshAllowedCidrs[0]: "203.0.113.7" has no prefix length. Write 203.0.113.7/32.',
            'mailhost:server.sshAllowedCidrs[1]: "2001:db8::1" has no prefix length. Write 2001:db8::1/128.',
            'mailhost:server.sshAllowedCidrs[2]: "203.0.113.7/24" is not the start of its block. Write 203.0.113.0/24, or 203.0.113.7/32 for the one address.',
            'mailhost:server.sshAllowedCidrs[3]: "2001:db8::1/32" is not the start of its block. Write 2001:db8::/32, or 2001:db8::1/128 for the one address.',
            'mailhost:server.sshAllowedCidrs[4]: "203.0.113.0/33" is not an address block. Write it as 203.0.113.0/24 or 2001:db8::/32.',
            'mailhost:server.sshAllowedCidrs[5]: "home" is not an address block. Write it as 203.0.113.0/24 or 2001:db8::/32.',
            'mailhost:server.sshAllowedCidrs[6]: "10/8" is not an address block. Write it as 203.0.113.0/24 or 2001:db8::/32.',
        ],
    },
    {
        name: "misspelt image",
        changes: server({ image: "debian13" }),
        expected: [
            'mailhost:server.image: "debian13" is not a system that the host set-up knows. Did you mean debian-13? Choose debian-13, debian-12, ubuntu-24.04, ubuntu-22.04, or the number of a snapshot.',
        ],
    },
    {
        name: "snapshot without its system",
        changes: server({ image: 1234 }),
        expected: [
            "mailhost:server.system: Image 1234 is a snapshot, and what it holds is not said. Choose one of debian-13, debian-12, ubuntu-24.04, ubuntu-22.04.",
        ],
    },
    {
        name: "system beside a named image",
        changes: server({ image: "debian-12", system: "debian-13" }),
        expected: [
            'mailhost:server.system: "debian-13" is only for a snapshot, but server.image is debian-12. Leave server.system out, or give the number of a snapshot as server.image.',
        ],
    },
    {
        name: "volume too small",
        changes: server({ volumeSizeGb: 9 }),
        expected: [
            "mailhost:server.volumeSizeGb: 9 is not a size that a volume can have. Give a whole number of GB from 10 to 10240.",
        ],
    },
    {
        name: "volume with a unit",
        changes: server({ volumeSizeGb: "40GB" }),
        expected: [
            'mailhost:server.volumeSizeGb: "40GB" is not a whole number. Write digits alone, e.g. 40.',
        ],
    },
    {
        name: "volume of half a GB",
        changes: server({ volumeSizeGb: 40.5 }),
        expected: [
            "mailhost:server.volumeSizeGb: 40.5 is not a size that a volume can have. Give a whole number of GB from 10 to 10240.",
        ],
    },
    {
        name: "a private key among the authorized ones",
        changes: server({ authorizedKeys: ["-----BEGIN OPENSSH PRIVATE KEY-----\nsecret"] }),
        expected: [
            "mailhost:server.authorizedKeys[0]: This is a private key. Give the public one (the file that ends in .pub), and make a new pair: this one has been shown.",
        ],
    },
    {
        name: "a key file's name among the authorized keys",
        changes: server({ authorizedKeys: ["~/.ssh/id_ed25519.pub"] }),
        expected: [
            'mailhost:server.authorizedKeys[0]: "~/.ssh/id_ed25519.pub" is not an OpenSSH public key. Give the one line of a .pub file: ssh-ed25519 AAAA… name.',
        ],
    },
    {
        name: "unknown setting of the server",
        changes: server({ sshAllowedCidr: ["203.0.113.0/24"] }),
        expected: [
            "mailhost:server.sshAllowedCidr: There is no such key. Did you mean mailhost:server.sshAllowedCidrs? Rename or remove it.",
        ],
    },
];

describe("bad configuration of the server", () => testEach(cases));
