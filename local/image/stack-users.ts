import { randomInt } from "node:crypto";

/** A user of an image, with a group of the same name. */
export interface ImageUser {
    name: string;
    uid: number;
    gid: number;
    home: string;
    shell: string;
}

/** Numbers that a host might have been told rather than found: those of the other images, of Node's, of a first user. */
const guessable = [101, 999, 1000];

/**
 * The mail image's user, whose numbers follow from nothing: a host that expects certain ones fails.
 *
 * @param random a whole number from `from` to `to` - 1. @default a different one each time
 */
export function mailUser(random: (from: number, to: number) => number = randomInt): ImageUser {
    const pick = (other?: number): number => {
        for (;;) {
            const id = random(200, 900);
            if (id !== other && !guessable.includes(id)) return id;
        }
    };
    const uid = pick();
    return {
        name: "forwardemail",
        uid,
        gid: pick(uid),
        home: "/home/forwardemail",
        shell: "/bin/sh",
    };
}

/** As the official images number theirs. */
export const mongodbUser: ImageUser = {
    name: "mongodb",
    uid: 999,
    gid: 999,
    home: "/data/db",
    shell: "/bin/sh",
};

export const redisUser: ImageUser = {
    name: "redis",
    uid: 999,
    gid: 999,
    home: "/home/redis",
    shell: "/bin/sh",
};

export const routerUser: ImageUser = {
    name: "nginx",
    uid: 101,
    gid: 101,
    home: "/nonexistent",
    shell: "/bin/false",
};
