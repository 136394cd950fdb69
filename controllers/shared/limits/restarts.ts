/**
 * One VM of a class at a time is restarted by policy, so that a change that does not work stops after the first.
 * Kept in memory: after a restart of the operator the slot is derived again from what is observed.
 */
import { createSlots, type SlotPorts } from './slots.ts';

export interface RestartSlots {
  /** Takes the slot (`undefined`), or waits for it; `release` or `claim` is to follow in the caller's next pass. */
  claim(key: string, who: RestartHolder, blockedBy: string | undefined): Queued | undefined;
  /** Nothing is to be restarted, or no longer. The longest waiter gets the next pass. */
  release(key: string, uid: string): void;
  /** The object was deleted. */
  forget(uid: string): void;
}

/** Waiting for the slot. */
export interface Queued {
  /** Name of the VM that has it, or that should run and does not. */
  readonly behind: string;
  /** Nothing wakes it: it has to check again periodically. */
  readonly looksAgain: boolean;
}

export interface RestartHolder {
  readonly uid: string;
  /** For people. */
  readonly name: string;
}

const MAX_RESTARTS = 1;

interface Request {
  readonly key: string;
  readonly name: string;
}

export function createRestartSlots({
  wake,
  now = Date.now,
}: Pick<SlotPorts, 'wake'> & Partial<Pick<SlotPorts, 'now'>>): RestartSlots {
  const slots = createSlots<Request>(
    { competesFor: ({ key }) => new Map([[key, MAX_RESTARTS]]) },
    { now, wake },
  );
  return {
    claim(key, { uid, name }, blockedBy) {
      const request = { key, name };
      const [holder] = slots.ahead(uid, request);
      if (blockedBy !== undefined && !holder) {
        slots.postpone(uid, request);
        // The slot has no holder that would pass it on; one waiter that checks is enough.
        return { behind: blockedBy, looksAgain: slots.isNext(uid, key) };
      }
      if (slots.take(uid, request)) return undefined;
      return { behind: slots.ahead(uid, request)[0]?.name ?? name, looksAgain: false };
    },
    release(key, uid) {
      slots.end(uid);
      slots.recheck(key);
    },
    forget: (uid) => slots.end(uid),
  };
}
