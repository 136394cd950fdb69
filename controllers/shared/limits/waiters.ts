/** Who waits for a slot, in the order in which they came. */
import { minutes, seconds } from '../../../src/lib/units.ts';

/** How long a slot is kept for a waiter that was woken. */
export const KEPT_FOR = seconds(2);
/** A waiter that comes later keeps its place for this time, or slow waiters would miss their slots in turn forever. */
const PLACE_KEPT_FOR = minutes(1);

export interface Claim<Request> {
  readonly request: Request;
  /** What the request competes for, by name, and how many may have each at a time. */
  readonly uses: ReadonlyMap<string, number>;
  /** Equal for requests that compete for the same. */
  readonly line: string;
  readonly key: string;
}

export function claimFor<Request>(request: Request, uses: ReadonlyMap<string, number>): Claim<Request> {
  const limited = [...uses].filter(([, limit]) => Number.isFinite(limit));
  return { request, uses, line: JSON.stringify(limited), key: JSON.stringify([...uses]) };
}

export interface Waiter<Request> {
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

type Entry<Request> = readonly [uid: string, waiter: Waiter<Request>];

export class Waiters<Request> {
  readonly #now: () => number;
  /** In the order of their places. */
  readonly #waiters = new Map<string, Waiter<Request>>();
  #places = 0;

  /** @param now epoch ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  get(uid: string): Waiter<Request> | undefined {
    return this.#waiters.get(uid);
  }

  entries(): readonly Entry<Request>[] {
    return [...this.#waiters];
  }

  /** Keeps the place of a waiter that has one. */
  move(uid: string, claim: Claim<Request>, state: Waiter<Request>['state']): void {
    const place = this.#waiters.get(uid)?.place ?? (this.#places += 1);
    this.#waiters.set(uid, { claim, state, place, at: this.#now() });
  }

  delete(uid: string): void {
    this.#waiters.delete(uid);
  }

  placeOf(uid: string): number {
    return this.#waiters.get(uid)?.place ?? Infinity;
  }

  /** Claims of those that a slot is kept for. @param before only of those that wait longer */
  called(before = Infinity): readonly Claim<Request>[] {
    return this.entries().flatMap(([, { state, place, claim }]) =>
      state === 'called' && place < before ? [claim] : [],
    );
  }

  /** The longest waiter for this. */
  first(name: string): string | undefined {
    return this.entries().find(([, { state, claim }]) => state !== 'left' && claim.uses.has(name))?.[0];
  }

  tidy(): void {
    const now = this.#now();
    for (const [uid, { claim, state, at }] of this.#waiters)
      if (state === 'called' && now - at > KEPT_FOR) this.move(uid, claim, 'left');
      else if (state === 'left' && now - at > PLACE_KEPT_FOR) this.#waiters.delete(uid);
  }
}

/**
 * Of those that compete for the same, the longest waiters for which there is room. Which of several gets a slot that
 * they all may have is decided when they ask.
 */
export function longestWaiters<Request>(
  waiters: Iterable<Entry<Request>>,
  others: readonly Claim<Request>[],
  hasRoom: (claim: Claim<Request>, others: readonly Claim<Request>[]) => boolean,
): readonly (readonly [uid: string, claim: Claim<Request>])[] {
  const lines = new Map<string, Claim<Request>[] | 'full'>();
  const next: (readonly [string, Claim<Request>])[] = [];
  for (const [uid, { claim }] of waiters) {
    const line = lines.get(claim.line) ?? [];
    if (line === 'full') continue;
    const free = hasRoom(claim, [...others, ...line]);
    lines.set(claim.line, free ? [...line, claim] : 'full');
    if (free) next.push([uid, claim]);
  }
  return next;
}
