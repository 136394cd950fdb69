/**
 * One shared look at a whole PVE cluster, for everyone who works on it: three requests each interval, however many
 * guests there are. Tells whose guest changed and which task ended.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { seconds, type Millis, type Upid, type Vmid } from '../lib/units.ts';
import type { ClusterStatus, ListedTask, ResourceRow } from './cluster.ts';
import { PveError } from './errors.ts';
import type { Pve } from './pve.ts';
import {
  clusterChanged,
  endedBetween,
  guestChanges,
  tasksSeen,
  toView,
  type GuestChange,
  type TasksSeen,
  type View,
} from './view.ts';

export type ChangeKind =
  | GuestChange
  /** Nodes, storages, the majority or our sight of them differ; no guests are named. */
  | 'cluster';

export type ChangeListener = (vmids: ReadonlySet<Vmid>, kind: ChangeKind) => void;
export type TaskEndedListener = (upid: Upid) => void;

export interface InventoryOptions {
  readonly pve: Pick<Pve, 'cluster'>;
  /** 5 s unless told. */
  readonly interval?: Millis | undefined;
  readonly now?: () => number;
  readonly sleep?: (duration: Millis, signal: AbortSignal) => Promise<unknown>;
}

export interface Inventory {
  /** Reads at once and then each interval, until the signal fires. */
  start(signal: AbortSignal): void;
  /** The newest view; one with `staleSince` when reading fails at present. `undefined` until the first read succeeds. */
  view(): View | undefined;
  /**
   * A view whose reading began after this call. Calls that wait at the same time share one read.
   * @throws PveError when the read fails; the signal's reason when the caller gave up waiting.
   */
  refresh(signal?: AbortSignal): Promise<View>;
  /** @returns ends the subscription */
  onChange(listener: ChangeListener): () => void;
  /** Also called for tasks that left PVE's list; ask for the task's status to learn how it ended. */
  onTaskEnded(listener: TaskEndedListener): () => void;
  /** Why the last read failed; `undefined` after one that succeeded. */
  readonly lastError: Error | undefined;
}

const INTERVAL = seconds(5);
const NO_GUESTS: ReadonlySet<Vmid> = new Set();

const subscribe = <T>(listeners: Set<T>, listener: T): (() => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** Waits for the promise, or until the signal fires. */
const unlessAborted = async <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> => {
  signal.throwIfAborted();
  const settled = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(toError(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true, signal: settled.signal });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    settled.abort();
  }
};

export function createInventory(options: InventoryOptions): Inventory {
  const { pve, interval = INTERVAL, now = Date.now } = options;
  const sleep = options.sleep ?? ((duration, signal) => delay(duration, undefined, { signal }));
  const changeListeners = new Set<ChangeListener>();
  const taskListeners = new Set<TaskEndedListener>();
  let view: View | undefined;
  let tasks: TasksSeen | undefined;
  let lastError: Error | undefined;
  let reading: Promise<View> | undefined;
  let next: Promise<View> | undefined;

  const clusterStatus = async (): Promise<ClusterStatus | undefined> => {
    try {
      return await pve.cluster.status();
    } catch (error) {
      if (error instanceof PveError && error.refusal === 'forbidden') return undefined;
      throw error;
    }
  };

  const notify = <T>(listeners: ReadonlySet<T>, call: (listener: T) => void): void => {
    for (const listener of listeners) {
      try {
        call(listener);
      } catch (error) {
        lastError = toError(error); // one listener's fault is neither the others' nor the view's
      }
    }
  };

  const announce = (before: View | undefined, after: View): void => {
    for (const [kind, vmids] of guestChanges(before, after)) {
      if (vmids.size > 0) notify(changeListeners, (listener) => listener(vmids, kind));
    }
    if (clusterChanged(before, after)) {
      notify(changeListeners, (listener) => listener(NO_GUESTS, 'cluster'));
    }
  };

  const announceTasks = (list: readonly ListedTask[]): void => {
    const seen = tasksSeen(list);
    const ended = tasks ? endedBetween(tasks, seen) : [];
    tasks = seen;
    for (const upid of ended) notify(taskListeners, (listener) => listener(upid));
  };

  /** Where several fail, the same one is told each time, so that no message changes for nothing. */
  const readAll = async (): Promise<
    [readonly ResourceRow[], readonly ListedTask[], ClusterStatus | undefined]
  > => {
    const reads = [pve.cluster.resources(), pve.cluster.tasks(), clusterStatus()] as const;
    await Promise.allSettled(reads);
    return Promise.all(reads);
  };

  const markStale = (since: number): void => {
    if (!view || view.staleSince !== undefined) return;
    const before = view;
    view = { ...before, staleSince: since };
    announce(before, view);
  };

  const read = async (): Promise<View> => {
    const takenAt = now();
    try {
      const [resources, list, status] = await readAll();
      const before = view;
      const after = toView(takenAt, resources, list, status);
      view = after;
      lastError = undefined;
      announce(before, after);
      announceTasks(list);
      return after;
    } catch (error) {
      lastError = toError(error);
      markStale(takenAt);
      throw error;
    }
  };

  const begin = (): Promise<View> => {
    reading = read().finally(() => {
      reading = undefined;
    });
    return reading;
  };

  /** A read under way began before the caller asked, so it may miss what the caller just did. */
  const fresh = (): Promise<View> => {
    if (!reading) return begin();
    next ??= reading
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return begin();
      });
    return next;
  };

  const loop = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await fresh().catch(() => undefined); // told through lastError and the view's staleness
      await sleep(interval, signal).catch(() => undefined);
    }
  };

  return {
    start: (signal) => void loop(signal),
    view: () => view,
    refresh(signal) {
      const reading = fresh();
      if (!signal) return reading;
      reading.catch(() => undefined); // who gave up waiting does not hear of its end
      return unlessAborted(reading, signal);
    },
    onChange: (listener) => subscribe(changeListeners, listener),
    onTaskEnded: (listener) => subscribe(taskListeners, listener),
    get lastError() {
      return lastError;
    },
  };
}
