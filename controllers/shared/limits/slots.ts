/**
 * How many operations of a kind run at a time. Nothing blocks here: an object without a slot is woken when one
 * is free. The longest waiter comes first: a free slot is kept for a moment for the object that was woken, so that
 * no other object that happens to ask in between gets it.
 */
import type { View } from '../../../src/pve/index.ts';
import { minutes, seconds, type Millis, type Upid } from '../../../src/lib/units.ts';

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
  readonly strangers?: (request: Request, tasks: TaskList, ours: readonly Holder<Request>[]) => number;
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
  /** The operation is in progress, whoever started it: it has a slot even if that exceeds the limit. */
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
/** How long a slot is kept for the object that was woken. */
const KEPT_FOR = seconds(2);
/** An object that comes later still precedes shorter waiters for this time; otherwise slow ones would never get a slot. */
const PLACE_KEPT_FOR = minutes(1);

interface Claim<Request> {
  readonly request: Request;
  readonly uses: ReadonlyMap<string, number>;
  /** Equal for requests that compete for the same. */
  readonly line: string;
  readonly key: string;
}

interface Waiter<Request> {
  readonly claim: Claim<Request>;
  /** Lower: waits longer. */
  readonly place: number;
  /**
   * `called`: was woken, and a slot is kept for it. `postponed`: waits for more than a slot.
   * `left`: does not wait at present, but keeps its place for a while.
   */
  readonly state: 'waiting' | 'postponed' | 'called' | 'left';
  /** Epoch ms: since when it is in this state. */
  readonly at: number;
}

const defer = (ms: number, run: () => void): void => void setTimeout(run, ms).unref();

export function createSlots<Request>(
  rules: SlotRules<Request>,
  { now, wake, after = defer }: SlotPorts,
): Slots<Request> {
  const held = new Map<string, Holder<Request> & { readonly claim: Claim<Request> }>();
  /** In the order of their places. */
  const queue = new Map<string, Waiter<Request>>();
  /** Tasks that are over although the last list still shows them, and since when. */
  const ended = new Map<Upid, number>();
  let tasks: TaskList | undefined;
  let places = 0;

  function claimOf(request: Request): Claim<Request> {
    const uses = rules.competesFor(request);
    const limited = [...uses].filter(([, limit]) => Number.isFinite(limit));
    return { request, uses, line: JSON.stringify(limited), key: JSON.stringify([...uses]) };
  }

  function isOver({ upid, at }: Holder<Request>): boolean {
    if (upid === undefined) return rules.forgottenAfter !== undefined && now() - at > rules.forgottenAfter;
    return (
      tasks !== undefined &&
      tasks.takenAt - at > LISTED_AFTER &&
      !tasks.activeTasks.some((task) => task.upid === upid)
    );
  }

  function tidyQueue(): void {
    for (const [uid, { claim, state, at }] of queue)
      if (state === 'called' && now() - at > KEPT_FOR) move(uid, claim, 'left');
      else if (state === 'left' && now() - at > PLACE_KEPT_FOR) queue.delete(uid);
  }

  function tidy(): void {
    for (const [uid, holder] of held) if (isOver(holder)) held.delete(uid);
    tidyQueue();
    const active = new Set(tasks?.activeTasks.map(({ upid }) => upid));
    for (const [upid, at] of ended) if (tasks && tasks.takenAt > at && !active.has(upid)) ended.delete(upid);
  }

  function strangersTo(request: Request): number {
    if (!rules.strangers || !tasks) return 0;
    const activeTasks = tasks.activeTasks.filter(({ upid }) => !ended.has(upid));
    return rules.strangers(request, { ...tasks, activeTasks }, [...held.values()]);
  }

  function hasRoom({ uses, request }: Claim<Request>, others: readonly Claim<Request>[]): boolean {
    const strangers = strangersTo(request);
    return [...uses].every(
      ([name, limit]) => others.filter((other) => other.uses.has(name)).length + strangers < limit,
    );
  }

  const called = (before = Infinity): readonly Claim<Request>[] =>
    [...queue.values()].flatMap(({ state, place, claim }) =>
      state === 'called' && place < before ? [claim] : [],
    );
  const taken = (uid?: string): readonly Claim<Request>[] =>
    [...held].flatMap(([holder, { claim }]) => (holder === uid ? [] : [claim]));
  const placeOf = (uid: string): number => queue.get(uid)?.place ?? Infinity;
  /** The longer an object waits, the earlier it comes. */
  const competitors = (uid: string): readonly Claim<Request>[] => [...taken(uid), ...called(placeOf(uid))];

  function move(uid: string, claim: Claim<Request>, state: Waiter<Request>['state']): void {
    queue.set(uid, { claim, state, place: queue.get(uid)?.place ?? (places += 1), at: now() });
  }

  /**
   * For each group of competitors, the longest waiters with a free slot. Which of several waiters gets a slot that they
   * all may have is decided when they ask.
   */
  function nextOf(waiters: Iterable<readonly [uid: string, Waiter<Request>]>): readonly string[] {
    const others = [...taken(), ...called()];
    const lines = new Map<string, Claim<Request>[] | 'full'>();
    const next: string[] = [];
    for (const [uid, { claim }] of waiters) {
      const line = lines.get(claim.line) ?? [];
      if (line === 'full') continue;
      const free = hasRoom(claim, [...others, ...line]);
      lines.set(claim.line, free ? [...line, claim] : 'full');
      if (free) next.push(uid);
    }
    return next;
  }

  /**
   * Wakes the waiters for free slots.
   * @param freed names whose postponed waiters are woken too
   */
  function wakeWaiting(freed: Iterable<string> = [], before = Infinity): void {
    const names = [...freed];
    const isAsked = ({ state, claim }: Waiter<Request>): boolean =>
      state === 'waiting' || (state === 'postponed' && names.some((name) => claim.uses.has(name)));
    const woken = nextOf([...queue].filter(([, waiter]) => waiter.place < before && isAsked(waiter)));
    for (const uid of woken) {
      const waiter = queue.get(uid);
      if (waiter) move(uid, waiter.claim, 'called');
    }
    if (woken.length > 0) after(KEPT_FOR + 1, sweep);
    woken.forEach(wake);
  }

  /** Slots kept for objects that did not come are for the next ones. */
  function sweep(): void {
    tidy();
    wakeWaiting();
  }

  function giveBack(uid: string): void {
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
    if (mine) giveBack(uid);
    // Operations of others end without notice: their slots are for the waiters, not for the object that asks.
    wakeWaiting([], placeOf(uid));
    const waiter = queue.get(uid);
    const free = hasRoom(claim, competitors(uid));
    if (!free) move(uid, claim, 'waiting');
    else if (waiter && waiter.state !== 'called') move(uid, claim, 'left');
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
      move(uid, claimOf(request), 'postponed');
      giveBack(uid);
    },
    started(uid, upid) {
      const holder = held.get(uid);
      if (holder) held.set(uid, { ...holder, upid });
    },
    end(uid) {
      const waiter = queue.get(uid);
      if (waiter) move(uid, waiter.claim, 'left');
      giveBack(uid);
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
      const waits = [...queue].find(([, { state, claim }]) => state !== 'left' && claim.uses.has(name));
      return waits?.[0] === uid;
    },
    absorb(other) {
      for (const [uid, holder] of other.holders())
        if (!held.has(uid)) held.set(uid, { ...holder, claim: claimOf(holder.request) });
    },
    holders: () => held,
  };
}
