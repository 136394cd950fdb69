/**
 * One VM of a class at a time is restarted by policy, so that a change that does not work stops after the first.
 * Kept in memory: after a restart of the operator the turn is found again from what is seen.
 */

export interface RestartSlots {
  /** Takes the turn (`undefined`), or waits for it; the caller sees to it that `release` or `claim` follows in its next pass. */
  claim(key: string, who: Holder, blockedBy: string | undefined): Queued | undefined;
  /** Nothing is to be restarted, or no longer. Whoever waits longest is looked at next. */
  release(key: string, uid: string): void;
  /** The object is gone. */
  forget(uid: string): void;
}

/** Waiting for the turn. */
export interface Queued {
  /** Name of the VM that has it, or that should run and does not. */
  readonly behind: string;
  /** Nobody wakes it: it has to look again by itself. */
  readonly looksAgain: boolean;
}

export interface Holder {
  readonly uid: string;
  /** For people. */
  readonly name: string;
}

interface Line {
  holder: Holder | undefined;
  readonly waiting: Set<string>;
}

export function createRestartSlots({ wake }: { readonly wake: (uid: string) => void }): RestartSlots {
  const lines = new Map<string, Line>();

  function leave(key: string, client: Line, uid: string): void {
    client.waiting.delete(uid);
    if (client.holder?.uid === uid) client.holder = undefined;
    if (client.holder) return;
    const [next] = client.waiting;
    if (next === undefined) lines.delete(key);
    else wake(next);
  }

  function release(key: string | undefined, uid: string): void {
    for (const [each, client] of lines)
      if (each === key || client.holder?.uid === uid || client.waiting.has(uid)) leave(each, client, uid);
  }

  return {
    claim(key, who, blockedBy) {
      for (const [each, client] of lines)
        if (each !== key && (client.holder?.uid === who.uid || client.waiting.has(who.uid)))
          leave(each, client, who.uid);
      const client = lines.get(key) ?? { holder: undefined, waiting: new Set() };
      lines.set(key, client);
      if (client.holder && client.holder.uid !== who.uid) {
        client.waiting.add(who.uid);
        return { behind: client.holder.name, looksAgain: false };
      }
      if (blockedBy !== undefined) {
        client.holder = undefined;
        client.waiting.add(who.uid);
        // Nobody has the turn, so nobody passes it on; one that looks is enough.
        return { behind: blockedBy, looksAgain: [...client.waiting][0] === who.uid };
      }
      client.waiting.delete(who.uid);
      client.holder = who;
      return undefined;
    },
    release,
    forget: (uid) => release(undefined, uid),
  };
}
