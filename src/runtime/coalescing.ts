/**
 * Coalesces reports. A task of Proxmox VE often ends within a second, and the report that follows says all that the
 * report before it said: one write is enough for both. A report that waits is shown to the next pass as if it were
 * stored. If the process ends first it is lost, like a report that was never written.
 */
import { isDeepStrictEqual } from 'node:util';
import { millis, seconds, type Millis } from '../lib/units.ts';
import type { Clock } from './clock.ts';
import type { Resource } from './controller.ts';
import type { Entry, ObjectStore, Written } from './object-store.ts';

type Status = Readonly<Record<string, unknown>>;

export interface CoalescingStore<O extends Resource> extends ObjectStore<O> {
  /** Lets the status wait, unless one has waited for `MAX_DELAY`; `false`: it must be written. */
  postpone(entry: Entry<O>, status: Status): boolean;
  /** How long the report that waits for this key may still wait; `undefined`: none does. */
  dueIn(key: string): Millis | undefined;
  /** Writes what has waited for long enough, where a pass has nothing new to say. */
  writeDue(key: string): Promise<Written<O> | undefined>;
  /** Writes what waits, when no pass will come for it any more. */
  flush(): Promise<void>;
}

/** How long a status patch may be delayed: too short for a user to notice. */
export const MAX_DELAY = seconds(1);

interface Waiting<O extends Resource> {
  readonly uid: string;
  /** What is stored: only we write status, so anything else there is newer than what waits. */
  readonly stored: Status | undefined;
  readonly status: Status;
  readonly since: Millis;
  /** The entry with the status that waits, and which entry that was made from. */
  shown: { readonly from: Entry<O>; readonly entry: Entry<O> };
}

export function coalescing<O extends Resource>(
  store: ObjectStore<O>,
  clock: Pick<Clock, 'monotonic'>,
): CoalescingStore<O> {
  const waiting = new Map<string, Waiting<O>>();

  function shown(key: string, entry: Entry<O> | undefined): Entry<O> | undefined {
    const report = waiting.get(key);
    if (!report) return entry;
    if (!entry || entry.metadata.uid !== report.uid || !isDeepStrictEqual(entry.rawStatus, report.stored)) {
      waiting.delete(key);
      return entry;
    }
    if (report.shown.from !== entry)
      report.shown = { from: entry, entry: store.restated(entry, report.status) };
    return report.shown.entry;
  }

  async function writeStatus(entry: Entry<O>, status: Status): Promise<Written<O>> {
    const written = await store.writeStatus(entry, status);
    if (written !== 'conflict') waiting.delete(entry.key);
    return written;
  }

  const dueIn = (key: string): Millis | undefined => {
    const report = waiting.get(key);
    return report && millis(Math.max(0, report.since + MAX_DELAY - clock.monotonic()));
  };

  return {
    ...store,
    cached: (key) => shown(key, store.cached(key)),
    fetch: async (key, signal, within) => shown(key, await store.fetch(key, signal, within)),
    writeStatus,
    async writeFinalizers(entry, finalizers) {
      const written = await store.writeFinalizers(entry, finalizers);
      // The status of an object that is being deleted need not be current.
      if (written !== 'conflict' && entry.metadata.deletionTimestamp !== undefined) waiting.delete(entry.key);
      return written;
    },
    dueIn,
    postpone(entry, status) {
      const { key, metadata } = entry;
      if (dueIn(key) === 0) return false;
      const earlier = waiting.get(key);
      const { stored, since } = earlier ?? { stored: entry.rawStatus, since: clock.monotonic() };
      const from = earlier?.shown.entry === entry ? earlier.shown.from : entry;
      const now = { from, entry: store.restated(entry, status) };
      waiting.set(key, { uid: metadata.uid, stored, status, since, shown: now });
      return true;
    },
    async writeDue(key) {
      if (dueIn(key) !== 0) return undefined;
      const entry = shown(key, store.cached(key));
      const report = waiting.get(key);
      return entry && report && writeStatus(entry, report.status);
    },
    async flush() {
      const writes = [...waiting].map(async ([key, { status }]) => {
        const entry = shown(key, store.cached(key));
        if (entry) await writeStatus(entry, status);
      });
      await Promise.allSettled(writes);
    },
  };
}
