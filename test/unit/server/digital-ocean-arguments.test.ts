import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
    digitalOceanDefaults,
    digitalOceanProblems,
    digitalOceanSettings,
    dropletMemory,
    dropletMemoryMb,
    imageSlug,
    volumeDevice,
    volumeName,
    type DigitalOceanArgs,
} from "../../../components/server/digital-ocean-arguments";
import {
    dropletSize,
    dropletSizes,
    regions,
} from "../../../components/server/digital-ocean-catalogue";

const fine = { sshAllowedCidrs: ["203.0.113.0/24"] };
const problems = (args: Partial<DigitalOceanArgs>) =>
    digitalOceanProblems("server", { ...fine, ...args }).map(
        ({ path, reason }) => `${path}: ${reason}`,
    );

describe("the catalogue of Droplets", () => {
    it("has each size once, with cores, memory and disk", () => {
        const names = dropletSizes.map(({ name }) => name);
        assert.deepEqual(names, [...new Set(names)]);
        for (const { name, cores, memoryGb, diskGb } of dropletSizes)
            assert.ok(cores >= 1 && memoryGb >= 2 && diskGb >= 25, name);
        assert.deepEqual(dropletSize("s-4vcpu-8gb-amd"), {
            name: "s-4vcpu-8gb-amd",
            cores: 4,
            memoryGb: 8,
            diskGb: 160,
        });
    });

    it("has a default that fits the stack, and its region", () => {
        assert.ok((dropletSize(digitalOceanDefaults.size)?.memoryGb ?? 0) >= 4);
        assert.ok(regions.includes(digitalOceanDefaults.region));
    });
});

describe("digitalOceanSettings", () => {
    it("fills in every default", () => {
        assert.deepEqual(digitalOceanSettings(fine), {
            ...fine,
            size: "s-4vcpu-8gb",
            region: "fra1",
            image: "debian-13",
            system: "debian-13",
            volumeSizeGb: 40,
            authorizedKeys: [],
            memoryGb: 8,
            project: undefined,
        });
    });

    it("knows the memory of the catalogue's sizes, and of others when it is said", () => {
        assert.equal(dropletMemoryMb({}), 8192);
        assert.equal(dropletMemoryMb({ size: "m-2vcpu-16gb" }), 16384);
        assert.equal(dropletMemoryMb({ size: "x-1", memoryGb: 3 }), 3072);
        assert.equal(dropletMemoryMb({ size: "x-1" }), undefined);
    });

    it("knows the smallest size that has enough memory", () => {
        const { path, value, atLeast } = dropletMemory({ size: "s-1vcpu-2gb" });
        assert.deepEqual({ path, value }, { path: "server.size", value: "s-1vcpu-2gb" });
        assert.equal(atLeast(4096), "s-2vcpu-4gb");
        assert.equal(atLeast(4097), "s-4vcpu-8gb");
        assert.equal(atLeast(1 << 20), undefined);
    });
});

describe("what is wrong with the arguments", () => {
    it("is nothing with those that are required, a size that is not known, a snapshot or a project", () => {
        assert.deepEqual(problems({}), []);
        assert.deepEqual(problems({ size: "s-4vcpu-8gb-480gb-intel", memoryGb: 8 }), []);
        assert.deepEqual(problems({ image: "4711", system: "ubuntu-24.04" }), []);
        assert.deepEqual(problems({ project: "4e1bfbc3-dc3e-41f2-a18f-1b4d7ba71679" }), []);
        assert.deepEqual(problems({ volumeSizeGb: 1 }), []);
        assert.deepEqual(problems({ volumeSizeGb: 16384 }), []);
    });

    const cases: [args: Partial<DigitalOceanArgs>, expected: string][] = [
        [
            { size: "s-4vcpu-9gb" },
            'server.size: "s-4vcpu-9gb" is not a Droplet size that this version knows.',
        ],
        [
            { size: "s-1vcpu-1gb" },
            'server.size: "s-1vcpu-1gb" is not a Droplet size that this version knows: 1 GB of memory are too little.',
        ],
        [
            { size: "cax21", memoryGb: 8 },
            'server.size: "cax21" does not have the form of a Droplet size.',
        ],
        [
            { size: "s-4vcpu-8gb", memoryGb: 16 },
            "server.memoryGb: 16 contradicts the size: s-4vcpu-8gb has 8 GB.",
        ],
        [{ size: "x-1", memoryGb: 0 }, "server.memoryGb: 0 is not an amount of memory."],
        [
            { region: "fsn1" },
            'server.region: "fsn1" is not a region of DigitalOcean that this version knows.',
        ],
        [
            { image: "debian-13-x64" },
            'server.image: "debian-13-x64" is not a system that the host set-up knows.',
        ],
        [
            { image: "4711" },
            "server.system: Image 4711 is a snapshot, and what it holds is not said.",
        ],
        [{ volumeSizeGb: 0 }, "server.volumeSizeGb: 0 is not a size that a volume can have."],
        [
            { volumeSizeGb: 16385 },
            "server.volumeSizeGb: 16385 is not a size that a volume can have.",
        ],
        [
            { sshAllowedCidrs: [] },
            "server.sshAllowedCidrs: The list is empty, and the host is set up over SSH.",
        ],
        [{ project: "mail" }, 'server.project: "mail" is not the id of a project.'],
    ];
    for (const [args, expected] of cases)
        it(expected, () => assert.deepEqual(problems(args), [expected]));

    it("is said all at once", () => {
        assert.deepEqual(
            digitalOceanProblems("server", {
                size: "x",
                region: "y",
                image: "z",
                volumeSizeGb: 0,
                authorizedKeys: ["ssh-rsa"],
                project: "p",
            }).map(({ path }) => path),
            [
                "server.size",
                "server.region",
                "server.image",
                "server.sshAllowedCidrs",
                "server.volumeSizeGb",
                "server.authorizedKeys[0]",
                "server.project",
            ],
        );
    });
});

describe("names at DigitalOcean", () => {
    it("say systems as slugs, and leave a snapshot's number", () => {
        assert.equal(imageSlug("debian-13"), "debian-13-x64");
        assert.equal(imageSlug("ubuntu-24.04"), "ubuntu-24-04-x64");
        assert.equal(imageSlug("4711"), "4711");
    });

    it("of volumes have the form that DigitalOcean takes, and stay apart", () => {
        assert.equal(volumeName("mx.example.com"), "mx-example-com");
        const names = [
            "mx.example.com",
            "0x.example.com",
            "a".repeat(63) + ".bc",
            "a".repeat(63) + ".bd",
        ];
        for (const name of names) assert.match(volumeName(name), /^[a-z][a-z0-9-]{0,63}$/, name);
        assert.equal(new Set(names.map(volumeName)).size, names.length);
    });

    it("lead to the volume's device", () => {
        assert.equal(
            volumeDevice("mx-example-com"),
            "/dev/disk/by-id/scsi-0DO_Volume_mx-example-com",
        );
    });
});
