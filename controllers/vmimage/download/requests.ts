/** The requests that this process announced in status and has not sent yet. After a restart each may have been sent. */
export interface Announced {
  /** @param at the moment of the announcement, as in status */
  add(uid: string, at: string): void;
  has(uid: string, at: string): boolean;
  /** It is being sent. */
  take(uid: string, at: string): void;
  forget(uid: string): void;
}

export function createAnnounced(): Announced {
  const byUid = new Map<string, Set<string>>();
  return {
    add(uid, at) {
      byUid.set(uid, new Set([...(byUid.get(uid) ?? []), at]));
    },
    has: (uid, at) => byUid.get(uid)?.has(at) ?? false,
    take(uid, at) {
      byUid.get(uid)?.delete(at);
    },
    forget(uid) {
      byUid.delete(uid);
    },
  };
}
