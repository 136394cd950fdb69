/**
 * How many operations of a kind run at a time. Nothing blocks here: an object without a slot is woken when one
 * is free. The longest waiter comes first: a free slot is kept for a moment for the object that was woken, so that
 * no other object that happens to ask in between gets it.
 */
import type { View } from '../../../src/pve/index.ts';
import { seconds, type Millis, type Upid } from '../../../src/lib/units.ts';
import { claimFor, KEPT_FOR, longestWaiters, Waiters, type Claim, type Waiter } from './waiters.ts';

/** The running tasks of a PVE cluster, and when they were listed. */
export type TaskList = Pick<View, 'takenAt' | 'activeTasks'>;

/** A slot that is taken. */
export interface Holder<Request> {
  readonly request: Request;
  /** Epoch ms: when it was taken, or last held. */
  readonly at: number;
  /** The task of Proxmox VE that performs it, once it is known. */
  readonly upid?: Upid | undefined;
}

export interface SlotRules<Request> {
  /** What the request competes for, by name, and how many may have each at a time. Infinity: it only counts for others. */
  readonly competesFor: (request: Request) => ReadonlyMap<string, number>;
  /** How many operations that hold no slot here count towards all limits of the request. */
  readonly foreignOperations?: (
    request: Request,
    tasks: TaskList,
    ours: readonly Holder<Request>[],
  ) => number;
  /** A slot whose task is not known is free again after this time. Absent: it is kept until it is released. */
  readonly forgottenAfter?: Millis;
}

export interface SlotPorts {
  /** Epoch ms. */
  readonly now: () => number;
  /** Asks for a pass over the object with this uid: a slot is free for it. */
  readonly wake: (uid: string) => void;
  readonly after?: (ms: number, run: () => void) => void;
}

/** Each object has at most one slot. A request for something else releases the one that it has. */
export interface Slots<Request> {
  /** Whether a slot is free for it, or taken by it already. Otherwise it is woken when it may ask again. */
  isFree(uid: string, request: Request, tasks?: TaskList): boolean;
  /** Takes the slot, unless none is free. */
  take(uid: string, request: Request, tasks?: TaskList): boolean;
  /** The operation is in progress, started by us or not: it has a slot even if that exceeds the limit. */
  hold(uid: string, request: Request): void;
  /** Joins the waiters, although a slot may be free. It is woken by `recheck` or the end of another operation. */
  postpone(uid: string, request: Request): void;
  /** It is performed by this task. */
  started(uid: string, upid: Upid): void;
  /** The operation has ended, was refused, or is no longer needed. An object that asks again at once keeps its place. */
  end(uid: string): void;
  /** Something changed for the waiters for this: wakes the longest waiter if a slot is free. */
  recheck(name: string): void;
  /** The requests that it comes after: those with a slot first. */
  ahead(uid: string, request: Request): readonly Request[];
  /** Whether it is the longest waiter for this. */
  isNext(uid: string, name: string): boolean;
  /** Counts what has a slot there here too. */
  absorb(other: Slots<Request>): void;
  holders(): Iterable<readonly [uid: string, Holder<Request>]>;
}

/** From this time after its start on, a task that runs is in the list. */
const LISTED_AFTER = seconds(20);
const defer = (ms: number, run: () => void): void => void setTimeout(run, ms).unref();

export function createSlots<Request>(
  rules: SlotRules<Request>,
  { now, wake, after = defer }: SlotPorts,
): Slots<Request> {
  const held = new Map<string, Holder<Request> & { readonly claim: Claim<Request> }>();
  const queue = new Waiters<Request>(now);
  /** Tasks that are over although the last list still shows them, and since when. */
  const ended = new Map<Upid, number>();
  let tasks: TaskList | undefined;

  const claimOf = (request: Request): Claim<Request> => claimFor(request, rules.competesFor(request));

  function isOver({ upid, at }: Holder<Request>): boolean {
    if (upid === undefined) return rules.forgottenAfter !== undefined && now() - at > rules.forgottenAfter;
    return (
      tasks !== undefined &&
      tasks.takenAt - at > LISTED_AFTER &&
      !tasks.activeTasks.some((task) => task.upid === upid)
    );
  }

  function tidy(): void {
    for (const [uid, holder] of held) if (isOver(holder)) held.delete(uid);
    queue.tidy();
    const active = new Set(tasks?.activeTasks.map(({ upid }) => upid));
    for (const [upid, at] of ended) if (tasks && tasks.takenAt > at && !active.has(upid)) ended.delete(upid);
  }

  function foreignOperationsFor(request: Request): number {
    if (!rules.foreignOperations || !tasks) return 0;
    const activeTasks = tasks.activeTasks.filter(({ upid }) => !ended.has(upid));
    return rules.foreignOperations(request, { ...tasks, activeTasks }, [...held.values()]);
  }

  function hasRoom({ uses, request }: Claim<Request>, others: readonly Claim<Request>[]): boolean {
    const foreignOperations = foreignOperationsFor(request);
    return [...uses].every(
      ([name, limit]) => others.filter((other) => other.uses.has(name)).length + foreignOperations < limit,
    );
  }

  const taken = (uid?: string): readonly Claim<Request>[] =>
    [...held].flatMap(([holder, { claim }]) => (holder === uid ? [] : [claim]));
  /** The longest waiter comes first. */
  const competitors = (uid: string): readonly Claim<Request>[] => [
    ...taken(uid),
    ...queue.called(queue.placeOf(uid)),
  ];

  /**
   * Wakes the waiters for free slots.
   * @param freed names whose postponed waiters are woken too
   */
  function wakeWaiting(freed: Iterable<string> = [], before = Infinity): void {
    const names = [...freed];
    const isAsked = ({ state, claim }: Waiter<Request>): boolean =>
      state === 'waiting' || (state === 'postponed' && names.some((name) => claim.uses.has(name)));
    const waiters = queue.entries().filter(([, waiter]) => waiter.place < before && isAsked(waiter));
    const woken = longestWaiters(waiters, [...taken(), ...queue.called()], hasRoom);
    for (const [uid, claim] of woken) queue.move(uid, claim, 'called');
    if (woken.length > 0) after(KEPT_FOR + 1, sweep);
    for (const [uid] of woken) wake(uid);
  }

  /** Slots kept for objects that did not come are for the next ones. */
  function sweep(): void {
    tidy();
    wakeWaiting();
  }

  function freeSlot(uid: string): void {
    const holder = held.get(uid);
    if (!holder) return;
    held.delete(uid);
    if (holder.upid !== undefined) ended.set(holder.upid, now());
    wakeWaiting(holder.claim.uses.keys());
  }

  function ask(uid: string, claim: Claim<Request>): boolean {
    tidy();
    const mine = held.get(uid);
    if (mine?.claim.key === claim.key) return true;
    if (mine) freeSlot(uid);
    // Operations of others end without notice: their slots are for the waiters, not for the object that asks.
    wakeWaiting([], queue.placeOf(uid));
    const waiter = queue.get(uid);
    const free = hasRoom(claim, competitors(uid));
    if (!free) queue.move(uid, claim, 'waiting');
    else if (waiter && waiter.state !== 'called') queue.move(uid, claim, 'left');
    if (!free && waiter?.state === 'called') wakeWaiting();
    return free;
  }

  return {
    isFree(uid, request, seen = tasks) {
      tasks = seen;
      return ask(uid, claimOf(request));
    },
    take(uid, request, seen = tasks) {
      tasks = seen;
      const claim = claimOf(request);
      if (!ask(uid, claim)) return false;
      queue.delete(uid);
      held.set(uid, { request, claim, at: now() });
      // More may be free than what ended here.
      wakeWaiting();
      return true;
    },
    hold(uid, request) {
      const claim = claimOf(request);
      const before = held.get(uid);
      queue.delete(uid);
      held.set(uid, { request, claim, at: now(), upid: before?.upid });
      if (before && before.claim.key !== claim.key) wakeWaiting(before.claim.uses.keys());
    },
    postpone(uid, request) {
      queue.move(uid, claimOf(request), 'postponed');
      freeSlot(uid);
    },
    started(uid, upid) {
      const holder = held.get(uid);
      if (holder) held.set(uid, { ...holder, upid });
    },
    end(uid) {
      const waiter = queue.get(uid);
      if (waiter) queue.move(uid, waiter.claim, 'left');
      freeSlot(uid);
    },
    recheck(name) {
      tidy();
      wakeWaiting([name]);
    },
    ahead(uid, request) {
      const { uses } = claimOf(request);
      return competitors(uid)
        .filter((other) => [...other.uses.keys()].some((name) => uses.has(name)))
        .map((claim) => claim.request);
    },
    isNext(uid, name) {
      return queue.first(name) === uid;
    },
    absorb(other) {
      for (const [uid, holder] of other.holders())
        if (!held.has(uid)) held.set(uid, { ...holder, claim: claimOf(holder.request) });
    },
    holders: () => held,
  };
}
