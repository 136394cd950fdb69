/**
 * What this process knows of the requests that it announced. Nothing here has to survive it: unknown is the careful
 * answer, and then the announced request counts as one that may still arrive.
 */
import type { Request } from './observed.ts';

interface Known {
  /** As in status. */
  readonly announcedAt: string;
  readonly state: Request['state'];
}

export interface Requests {
  /** Status is about to say so. @param at RFC 3339 */
  announced(uid: string, at: string): void;
  /** It is on its way. */
  sent(uid: string): void;
  /** Proxmox VE answered that it did nothing. */
  refused(uid: string): void;
  /** Of the request that status announces. @param at RFC 3339 */
  stateOf(uid: string, at: string): Request['state'];
  /** Since when the guest has had this lock without a task, as far as this process saw. */
  lockedSince(uid: string, lock: string | undefined, now: number): number;
  forget(uid: string): void;
}

export function createRequests(): Requests {
  const known = new Map<string, Known>();
  const locks = new Map<string, { readonly lock: string; readonly since: number }>();

  const become = (uid: string, state: Request['state']): void => {
    const before = known.get(uid);
    if (before) known.set(uid, { ...before, state });
  };

  return {
    announced: (uid, announcedAt) => void known.set(uid, { announcedAt, state: 'unsent' }),
    sent: (uid) => become(uid, 'unknown'),
    refused: (uid) => become(uid, 'refused'),
    stateOf(uid, at) {
      const request = known.get(uid);
      return request?.announcedAt === at ? request.state : 'unknown';
    },
    lockedSince(uid, lock, now) {
      const before = locks.get(uid);
      if (lock === undefined) locks.delete(uid);
      else if (before?.lock !== lock) locks.set(uid, { lock, since: now });
      return locks.get(uid)?.since ?? now;
    },
    forget(uid) {
      known.delete(uid);
      locks.delete(uid);
    },
  };
}
