/** What the provider sells, as far as it matters here. Prices are left out: nothing is charged. */

export type Architecture = "x86" | "arm";

export interface Location {
    id: number;
    name: string;
    description: string;
    country: string;
    city: string;
    latitude: number;
    longitude: number;
    network_zone: string;
}

export interface ServerType {
    id: number;
    name: string;
    category: "cost_optimized" | "regular_purpose" | "general_purpose";
    cores: number;
    memoryGb: number;
    diskGb: number;
    architecture: Architecture;
    cpuType: "shared" | "dedicated";
    locations: string[];
}

/** An operating system that the provider offers, for each architecture under an id of its own. */
export interface StockImage {
    id: number;
    name: string;
    description: string;
    architecture: Architecture;
    osFlavor: string;
    osVersion: string;
}

function location(
    id: number,
    name: string,
    city: string,
    country: string,
    position: [number, number],
    zone: string,
): Location {
    const [latitude, longitude] = position;
    const description = `${city} Park 1`;
    return { id, name, description, country, city, latitude, longitude, network_zone: zone };
}

export const locations: readonly Location[] = [
    location(1, "fsn1", "Falkenstein", "DE", [50.47612, 12.370071], "eu-central"),
    location(2, "nbg1", "Nuremberg", "DE", [49.452102, 11.076665], "eu-central"),
    location(3, "hel1", "Helsinki", "FI", [60.169855, 24.938379], "eu-central"),
    location(4, "ash", "Ashburn, VA", "US", [39.045821, -77.487073], "us-east"),
    location(5, "hil", "Hillsboro, OR", "US", [45.54222, -122.951924], "us-west"),
    location(6, "sin", "Singapore", "SG", [1.283333, 103.833333], "ap-southeast"),
];

const europe = ["fsn1", "nbg1", "hel1"];
const overseas = ["ash", "hil", "sin"];
const everywhere = [...europe, ...overseas];

type Row = [id: number, name: string, cores: number, memoryGb: number, diskGb: number];

function series(
    common: Pick<ServerType, "category" | "architecture" | "cpuType" | "locations">,
    rows: Row[],
): ServerType[] {
    return rows.map(([id, name, cores, memoryGb, diskGb]) => ({
        id,
        name,
        cores,
        memoryGb,
        diskGb,
        ...common,
    }));
}

/** The series that can be ordered. Source: the provider's price list and `GET /v1/server_types`. */
export const serverTypes: readonly ServerType[] = [
    ...series(
        {
            category: "cost_optimized",
            architecture: "x86",
            cpuType: "shared",
            locations: europe,
        },
        [
            [114, "cx23", 2, 4, 40],
            [115, "cx33", 4, 8, 80],
            [116, "cx43", 8, 16, 160],
            [117, "cx53", 16, 32, 320],
        ],
    ),
    ...series(
        {
            category: "cost_optimized",
            architecture: "arm",
            cpuType: "shared",
            locations: europe,
        },
        [
            [45, "cax11", 2, 4, 40],
            [93, "cax21", 4, 8, 80],
            [94, "cax31", 8, 16, 160],
            [95, "cax41", 16, 32, 320],
        ],
    ),
    ...series(
        {
            category: "regular_purpose",
            architecture: "x86",
            cpuType: "shared",
            locations: overseas,
        },
        [
            [22, "cpx11", 2, 2, 40],
            [23, "cpx21", 3, 4, 80],
            [24, "cpx31", 4, 8, 160],
            [25, "cpx41", 8, 16, 240],
            [26, "cpx51", 16, 32, 360],
        ],
    ),
    ...series(
        {
            category: "regular_purpose",
            architecture: "x86",
            cpuType: "shared",
            locations: [...europe, "sin"],
        },
        [
            [108, "cpx12", 1, 2, 40],
            [109, "cpx22", 2, 4, 80],
            [110, "cpx32", 4, 8, 160],
            [111, "cpx42", 8, 16, 320],
            [112, "cpx52", 12, 24, 480],
            [113, "cpx62", 16, 32, 640],
        ],
    ),
    ...series(
        {
            category: "general_purpose",
            architecture: "x86",
            cpuType: "dedicated",
            locations: everywhere,
        },
        [
            [96, "ccx13", 2, 8, 80],
            [97, "ccx23", 4, 16, 160],
            [98, "ccx33", 8, 32, 240],
            [99, "ccx43", 16, 64, 360],
            [100, "ccx53", 32, 128, 600],
            [101, "ccx63", 48, 192, 960],
        ],
    ),
];

type ImageRow = [x86: number, arm: number, flavor: string, version: string, label: string];

const imageRows: ImageRow[] = [
    [114690386, 114690389, "debian", "12", "Debian 12"],
    [310557660, 310557661, "debian", "13", "Debian 13"],
    [67794396, 103908130, "ubuntu", "22.04", "Ubuntu 22.04"],
    [161547269, 161547270, "ubuntu", "24.04", "Ubuntu 24.04"],
];

export const stockImages: readonly StockImage[] = imageRows.flatMap(
    ([x86, arm, osFlavor, osVersion, description]) =>
        (
            [
                [x86, "x86"],
                [arm, "arm"],
            ] as const
        ).map(([id, architecture]) => ({
            id,
            name: `${osFlavor}-${osVersion}`,
            description,
            architecture,
            osFlavor,
            osVersion,
        })),
);
