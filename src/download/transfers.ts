/**
 * Transfers that are under way: work that takes minutes, which no pass waits for. Few at once, one for each lane, and the
 * owner that was served longest ago is next. Whoever started one has to look at it now and then: one that nobody looks
 * at any more ends.
 */

import { failed } from './problem.ts';

export interface TransferProgress {
  readonly phase: 'Verifying' | 'Uploading';
  readonly bytes: number;
  /** Absent: not known. */
  readonly total?: number | undefined;
}

export type TransferState<R> =
  /** `ahead`: how many have to begin before it. */
  | { readonly state: 'queued'; readonly ahead: number }
  | { readonly state: 'running'; readonly progress: TransferProgress | undefined }
  /** `at`: epoch ms. */
  | { readonly state: 'done'; readonly result: R; readonly at: number }
  | { readonly state: 'failed'; readonly error: unknown; readonly at: number };

export interface Work<R> {
  /** Whose it is. Owners take turns. */
  readonly owner: string;
  /** There is one at a time in each. */
  readonly lane: string;
  readonly run: (control: TransferControl) => Promise<R>;
}

export interface TransferControl {
  readonly signal: AbortSignal;
  /** Has to be called again and again. */
  readonly onProgress: (progress: TransferProgress) => void;
}

export interface Transfers<R> {
  /** Replaces one with this key that has ended; one that has not is left alone. */
  start(key: string, work: Work<R>): void;
  see(key: string): TransferState<R> | undefined;
  /** Cancels those that it holds for, and forgets them. */
  drop(isDropped: (key: string) => boolean): void;
  /** Whether one that it holds for has not ended, though it may have been cancelled. */
  isRunning(isAsked: (key: string) => boolean): boolean;
  /** Cancels all. Nothing is started afterwards. */
  close(): void;
}

export interface TransferLimits {
  readonly atOnce: number;
  /** A transfer that lasts longer ends: a server that sends a byte a second must not hold up others for good. */
  readonly maxMs: number;
  /** How long nobody may look at it. */
  readonly unseenMs: number;
}

const HOUR_MS = 3_600_000;
const LIMITS: TransferLimits = { atOnce: 2, maxMs: 6 * HOUR_MS, unseenMs: 600_000 };

interface Entry<R> extends Work<R> {
  readonly key: string;
  readonly stop: AbortController;
  seenAt: number;
  startedAt: number | undefined;
  progress: TransferProgress | undefined;
  ended: Extract<TransferState<R>, { state: 'done' | 'failed' }> | undefined;
}

/** @param now epoch ms */
export function createTransfers<R>(now: () => number, limits: TransferLimits = LIMITS): Transfers<R> {
  /** In the order in which they were asked for. */
  const entries = new Map<string, Entry<R>>();
  /** When an owner was last served, by a count. */
  const served = new Map<string, number>();
  /** One that was cancelled is among them until it has ended. */
  const running = new Set<Entry<R>>();
  let turns = 0;
  let isClosed = false;

  const isUnseen = ({ seenAt }: Entry<R>): boolean => now() - seenAt > limits.unseenMs;

  /** In the order in which they begin. */
  const queued = (): Entry<R>[] => {
    const waiting = [...entries.values()].filter(({ startedAt }) => startedAt === undefined);
    const rounds = new Map<string, number>();
    const round = ({ owner }: Entry<R>): number => {
      const nth = rounds.get(owner) ?? 0;
      rounds.set(owner, nth + 1);
      return nth;
    };
    return waiting
      .map((entry) => ({ entry, round: round(entry), last: served.get(entry.owner) ?? 0 }))
      .toSorted((a, b) => a.round - b.round || a.last - b.last)
      .map(({ entry }) => entry);
  };

  const next = (): Entry<R> | undefined => {
    if (isClosed || running.size >= limits.atOnce) return undefined;
    const lanes = new Set([...running].map(({ lane }) => lane));
    return queued().find(({ lane }) => !lanes.has(lane));
  };

  const admit = (): void => {
    for (const entry of queued()) if (isUnseen(entry)) entries.delete(entry.key);
    for (let entry = next(); entry; entry = next()) {
      served.set(entry.owner, (turns += 1));
      void work(entry);
    }
    const owners = new Set([...entries.values()].map(({ owner }) => owner));
    for (const owner of served.keys()) if (!owners.has(owner)) served.delete(owner);
  };

  const work = async (entry: Entry<R>): Promise<void> => {
    const startedAt = now();
    entry.startedAt = startedAt;
    running.add(entry);
    const { signal } = entry.stop;
    const onProgress = (progress: TransferProgress): void => {
      entry.progress = progress;
      if (now() - startedAt > limits.maxMs)
        entry.stop.abort(failed(`The file was not transferred within ${limits.maxMs / HOUR_MS} hours.`));
      if (isUnseen(entry)) entry.stop.abort(failed('Nobody waits for the file any more.'));
    };
    try {
      entry.ended = { state: 'done', result: await entry.run({ signal, onProgress }), at: now() };
    } catch (error) {
      entry.ended = { state: 'failed', error, at: now() };
    } finally {
      running.delete(entry);
    }
    admit();
  };

  const stateOf = (entry: Entry<R>): TransferState<R> => {
    if (entry.ended) return entry.ended;
    if (entry.startedAt !== undefined) return { state: 'running', progress: entry.progress };
    return { state: 'queued', ahead: queued().indexOf(entry) };
  };

  const drop = (isDropped: (key: string) => boolean): void => {
    for (const [key, entry] of entries)
      if (isDropped(key)) {
        entries.delete(key);
        entry.stop.abort(failed('The transfer was cancelled.'));
      }
    admit();
  };

  return {
    start(key, added) {
      const known = entries.get(key);
      if (isClosed || (known && !known.ended)) return;
      entries.delete(key);
      entries.set(key, {
        ...added,
        key,
        stop: new AbortController(),
        seenAt: now(),
        startedAt: undefined,
        progress: undefined,
        ended: undefined,
      });
      admit();
    },
    see(key) {
      const entry = entries.get(key);
      if (!entry) return undefined;
      entry.seenAt = now();
      return stateOf(entry);
    },
    drop,
    isRunning: (isAsked) => [...running].some(({ key }) => isAsked(key)),
    close() {
      isClosed = true;
      drop(() => true);
    },
  };
}
