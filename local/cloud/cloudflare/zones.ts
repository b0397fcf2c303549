import { noSuchObject } from "./api-error";
import type { ZonePublisher } from "./api";
import { zoneContent } from "./zone-content";
import type { StoredZone, ZoneStore } from "./store";

/** A zone as it is to become; undefined: it is to be gone. */
type Draft = StoredZone | undefined;

interface Change {
    apply(draft: Draft): Draft;
    resolve(): void;
    reject(error: unknown): void;
}

/**
 * The zones and what the DNS server answers of them. Changes to a zone are made one after another, each of them once
 * the server answers from it and it stands in the file. Those that arrive while a zone is being published are published
 * together next: what many changes cost doesn't grow with their square.
 */
export class Zones {
    private readonly waiting = new Map<string, Change[]>();

    constructor(
        private readonly store: ZoneStore,
        private readonly publisher: ZonePublisher,
    ) {}

    /** Makes the DNS server answer from what is stored: it may have been ended between the one and the other. */
    async publishAll(): Promise<void> {
        await Promise.all(
            this.store
                .all()
                .map(({ name }) => this.change(name, (zone) => ({ zone, result: undefined }))),
        );
    }

    /**
     * Changes a zone, or makes or removes it.
     *
     * @param edit is given the zone, if there is one, with every change that was accepted before; what it throws
     *   rejects this change alone. It may be called again.
     */
    change<T>(name: string, edit: (zone: Draft) => { zone: Draft; result: T }): Promise<T> {
        return new Promise((resolve, reject) => {
            let result: T;
            const change: Change = {
                apply(draft) {
                    const edited = edit(draft);
                    result = edited.result;
                    return edited.zone;
                },
                resolve: () => resolve(result),
                reject,
            };
            const waiting = this.waiting.get(name);
            if (waiting) waiting.push(change);
            else {
                this.waiting.set(name, [change]);
                void this.work(name);
            }
        });
    }

    /** As {@link change}, for a zone that there is. */
    async edit<T>(
        zone: StoredZone,
        edit: (zone: StoredZone) => { zone: Draft; result: T },
    ): Promise<T> {
        return this.change(zone.name, (draft) => {
            if (draft?.id !== zone.id) throw noSuchObject(`/client/v4/zones/${zone.id}`);
            return edit(draft);
        });
    }

    private async work(name: string): Promise<void> {
        for (;;) {
            const changes = this.waiting.get(name) ?? [];
            if (changes.length === 0) break;
            this.waiting.set(name, []);
            await this.make(name, changes);
        }
        this.waiting.delete(name);
    }

    private async make(name: string, changes: Change[]): Promise<void> {
        const before = this.store.named(name);
        let draft: Draft = before;
        const accepted: Change[] = [];
        for (const change of changes) {
            try {
                draft = change.apply(draft);
                accepted.push(change);
            } catch (error) {
                change.reject(error);
            }
        }
        const [first, ...others] = accepted;
        if (!first) return;
        try {
            if (draft) {
                await this.publisher.publish(zoneContent(draft));
                if (draft !== before) await this.store.put(draft);
            } else if (before) {
                await this.publisher.withdraw(name);
                await this.store.remove(before.id);
            }
        } catch (error) {
            // One of them may be what the server refuses: the others are not to suffer from it.
            if (others.length > 0) for (const change of accepted) await this.make(name, [change]);
            else first.reject(error);
            return;
        }
        for (const change of accepted) change.resolve();
    }
}
