/**
 * How many events may be written. The API server keeps each for an hour, so all together are limited, and one namespace
 * must not use up what others need.
 */
import type { Millis } from '../lib/units.ts';

interface Limit {
  /** At once. */
  readonly burst: number;
  /** After that. */
  readonly perSecond: number;
}

const ALL: Limit = { burst: 400, perSecond: 10 };
/** At most this much of it for one namespace. */
const SHARE: Limit = { burst: 180, perSecond: 4 };
/** What a namespace has in reserve, whatever the others use. */
const OWN: Limit = { burst: 20, perSecond: 0.2 };

export interface EventBudget {
  /** Whether an event of this namespace may be written now. It counts as written. */
  isAllowed(namespace: string, now: Millis): boolean;
}

export function eventBudget(): EventBudget {
  const all = allowance(ALL);
  const namespaces = new Map<string, { readonly own: Allowance; readonly share: Allowance }>();

  function budgetOf(namespace: string, now: Millis): { readonly own: Allowance; readonly share: Allowance } {
    const known = namespaces.get(namespace);
    if (known) return known;
    // Namespaces come and go: one that has everything again need not be remembered.
    for (const [name, { own, share }] of namespaces)
      if (own.isFull(now) && share.isFull(now)) namespaces.delete(name);
    const budget = { own: allowance(OWN), share: allowance(SHARE) };
    namespaces.set(namespace, budget);
    return budget;
  }

  return {
    isAllowed(namespace, now) {
      const { own, share } = budgetOf(namespace, now);
      return (share.isLeft(now) && all.take(now) && share.take(now)) || own.take(now);
    },
  };
}

interface Allowance {
  isLeft(now: Millis): boolean;
  isFull(now: Millis): boolean;
  take(now: Millis): boolean;
}

function allowance({ burst, perSecond }: Limit): Allowance {
  let left = burst;
  let at: Millis | undefined;
  const refill = (now: Millis): number => {
    left = Math.min(burst, left + ((now - (at ?? now)) / 1000) * perSecond);
    at = now;
    return left;
  };
  return {
    isLeft: (now) => refill(now) >= 1,
    isFull: (now) => refill(now) === burst,
    take(now) {
      if (refill(now) < 1) return false;
      left -= 1;
      return true;
    },
  };
}
