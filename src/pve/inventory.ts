/**
 * The shared view of a whole PVE cluster: three requests per interval, however many guests there are. Reports which
 * guests changed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { unlessAborted } from '../lib/abort.ts';
import { inSlices } from '../lib/slices.ts';
import { seconds, type Millis, type Vmid } from '../lib/units.ts';
import type { ClusterStatus, ListedTask, ResourceRow } from './cluster.ts';
import { noRoomForViewError, PveError } from './errors.ts';
import type { Pve } from './pve.ts';
import { createPause } from './pause.ts';
import { roomForViews, serverRoom, type CommonRoom } from './room.ts';
import { clusterChanged, guestChanges, toView, weightOf, type GuestChange, type View } from './view.ts';

export type ChangeKind =
  | GuestChange
  /** Nodes, storages, quorum or the staleness of the view differ; no guests are named. */
  | 'cluster';

export type ChangeListener = (vmids: ReadonlySet<Vmid>, kind: ChangeKind) => void;

export interface InventoryOptions {
  readonly pve: Pick<Pve, 'cluster'>;
  /** Default: 5 s. */
  readonly interval?: Millis | undefined;
  /** The memory for what is kept of all clusters; default: that of the process. */
  readonly room?: CommonRoom | undefined;
  /** Whose cluster it is; tenants have equal shares of that memory. */
  readonly tenant?: string | undefined;
  readonly now?: () => number;
  readonly sleep?: (duration: Millis, signal: AbortSignal) => Promise<unknown>;
}

export interface Inventory {
  /** Reads immediately and then every interval, until the signal fires. */
  start(signal: AbortSignal): void;
  /** The newest view. It has `staleSince` while reading fails. `undefined` until the first read succeeds. */
  view(): View | undefined;
  /**
   * Returns a view whose read started after this call. Concurrent calls share one read.
   * @throws PveError when the read fails; the signal's reason when the signal fires first.
   */
  refresh(signal?: AbortSignal): Promise<View>;
  /** @returns a function that ends the subscription */
  onChange(listener: ChangeListener): () => void;
  /** Epoch ms: since when there is no view any more, because others needed its memory. */
  readonly droppedAt?: number | undefined;
  /** Why the last read failed; `undefined` after a successful read. */
  readonly lastError: Error | undefined;
}

const INTERVAL = seconds(5);
/** Shared by all clusters. */
const ROOM = roomForViews();
const NO_GUESTS: ReadonlySet<Vmid> = new Set();

type GuestChanges = ReadonlyMap<GuestChange, ReadonlySet<Vmid>>;
const NO_CHANGES: GuestChanges = new Map();

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

export function createInventory(options: InventoryOptions): Inventory {
  const { pve, interval = INTERVAL, now = Date.now } = options;
  const sleep = options.sleep ?? ((duration, signal) => delay(duration, undefined, { signal }));
  const listeners = new Set<ChangeListener>();
  const room = serverRoom(options.room ?? ROOM, options.tenant)();
  const pause = createPause(now);
  let weight = 0;
  let droppedAt: number | undefined;
  let isStopped = false;
  let view: View | undefined;
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

  const notify = (vmids: ReadonlySet<Vmid>, kind: ChangeKind): void => {
    for (const listener of listeners) {
      try {
        listener(vmids, kind);
      } catch (error) {
        lastError = toError(error); // a failing listener affects neither the other listeners nor the view
      }
    }
  };

  const announce = (before: View | undefined, after: View, changes: GuestChanges): void => {
    for (const [kind, vmids] of changes) {
      if (vmids.size > 0) notify(vmids, kind);
    }
    if (clusterChanged(before, after)) notify(NO_GUESTS, 'cluster');
  };

  /** If several reads fail, always reports the same one, so that messages do not alternate. */
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
    announce(before, view, NO_CHANGES);
  };

  /** The view takes the place of the one before. @throws PveError if there is no room for it */
  const keep = (after: View, size: number): void => {
    const bytes = isStopped ? 0 : size;
    if (!room.take(bytes - weight)) throw noRoomForViewError();
    weight = bytes;
    view = after;
    droppedAt = undefined;
  };

  /** Nothing is known any more, as in an operator that has just started. */
  room.onTakenAway = () => {
    weight = 0;
    view = undefined;
    droppedAt = now();
    lastError = noRoomForViewError();
    notify(NO_GUESTS, 'cluster');
  };

  const read = async (): Promise<View> => {
    const takenAt = now();
    const { error } = pause;
    if (error) throw error;
    try {
      const [resources, tasks, status] = await readAll();
      const before = view;
      const after = await inSlices(toView(takenAt, { resources, tasks, status }, before));
      const changes = await inSlices(guestChanges(before, after));
      keep(after, await inSlices(weightOf(after)));
      lastError = undefined;
      pause.end();
      announce(before, after, changes);
      return after;
    } catch (error) {
      lastError = toError(error);
      pause.begin(lastError);
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

  /** A read in progress started before the call, so it may miss a change that the caller has just made. */
  const freshRead = (): Promise<View> => {
    if (!reading) return begin();
    next ??= reading
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return begin();
      });
    return next;
  };

  const stop = (): void => {
    isStopped = true;
    room.release();
    weight = 0;
  };

  const loop = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await freshRead().catch(() => undefined); // reported by lastError and staleSince
      await sleep(interval, signal).catch(() => undefined);
    }
  };

  return {
    start(signal) {
      signal.addEventListener('abort', stop, { once: true });
      void loop(signal);
    },
    view: () => view,
    refresh(signal) {
      return signal ? unlessAborted(freshRead(), signal) : freshRead();
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    get droppedAt() {
      return droppedAt;
    },
    get lastError() {
      return lastError;
    },
  };
}
