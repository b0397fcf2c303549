import * as fs from "node:fs";
import * as path from "node:path";

/** An object of a simulated API. */
export interface StoredObject {
    id: number | string;
    created: string;
}

interface Contents<Kinds, Action> {
    nextId: number;
    /** Counts the addresses that were handed out, so that one that was given back isn't reused at once. */
    nextAddress: number;
    /** The run of this computer in which machines may be running; null when the cloud was powered down. */
    bootId: string | null;
    objects: { [K in keyof Kinds]: Kinds[K][] };
    actions: Action[];
}

const keptActions = 500;

/**
 * The objects of a simulated provider of servers, kept in a file that is replaced as a whole after each change. 0600: it
 * has user data.
 */
export class FileStore<Kinds extends Record<keyof Kinds, StoredObject>, Action> {
    private readonly contents: Contents<Kinds, Action>;

    constructor(
        private readonly file: string,
        initial: { firstId: number; kinds: readonly (keyof Kinds)[] },
    ) {
        this.contents = fs.existsSync(file)
            ? (JSON.parse(fs.readFileSync(file, "utf8")) as Contents<Kinds, Action>)
            : {
                  nextId: initial.firstId,
                  nextAddress: 0,
                  bootId: null,
                  objects: Object.fromEntries(
                      initial.kinds.map((kind) => [kind, []]),
                  ) as unknown as Contents<Kinds, Action>["objects"],
                  actions: [],
              };
    }

    all<K extends keyof Kinds>(kind: K): readonly Kinds[K][] {
        return this.contents.objects[kind];
    }

    find<K extends keyof Kinds>(kind: K, id: Kinds[K]["id"]): Kinds[K] | undefined {
        return this.contents.objects[kind].find((object) => object.id === id);
    }

    /** Without an `id` of its own, an object gets the next number. */
    add<K extends keyof Kinds>(
        kind: K,
        fields: Omit<Kinds[K], "id" | "created"> & { id?: Kinds[K]["id"] },
    ): Kinds[K] {
        const object = { id: fields.id ?? this.takeId(), created: timestamp(), ...fields };
        // The spread of an Omit<> is not recognised as the whole; it has every field by construction.
        this.contents.objects[kind].push(object as unknown as Kinds[K]);
        this.save();
        return object as unknown as Kinds[K];
    }

    remove<K extends keyof Kinds>(kind: K, id: Kinds[K]["id"]): void {
        const list: StoredObject[] = this.contents.objects[kind];
        const index = list.findIndex((object) => object.id === id);
        if (index >= 0) list.splice(index, 1);
        this.save();
    }

    /** The id that the next {@link add} will use. */
    get nextId(): number {
        return this.contents.nextId;
    }

    takeId(): number {
        return this.contents.nextId++;
    }

    takeAddressIndex(): number {
        return this.contents.nextAddress++;
    }

    get bootId(): string | null {
        return this.contents.bootId;
    }

    setBootId(bootId: string | null): void {
        this.contents.bootId = bootId;
        this.save();
    }

    get actions(): readonly Action[] {
        return this.contents.actions;
    }

    /** Keeps an action, and forgets the oldest; not yet on disk. */
    keepAction(action: Action): void {
        this.contents.actions.push(action);
        this.contents.actions.splice(0, this.contents.actions.length - keptActions);
    }

    save(): void {
        fs.mkdirSync(path.dirname(this.file), { recursive: true, mode: 0o700 });
        const next = `${this.file}.next`;
        fs.writeFileSync(next, JSON.stringify(this.contents, undefined, 1), { mode: 0o600 });
        fs.renameSync(next, this.file);
    }
}

/** Now, in the form of the APIs (no fraction). */
export function timestamp(): string {
    return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}
