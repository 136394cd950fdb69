/**
 * One VM of a class at a time is restarted by policy, so that a change that does not work stops after the first.
 * Kept in memory: after a restart of the operator the turn is found again from what is seen.
 */

export interface RestartTurns {
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

export function createRestartTurns({ wake }: { readonly wake: (uid: string) => void }): RestartTurns {
  const lines = new Map<string, Line>();

  function leave(key: string, line: Line, uid: string): void {
    line.waiting.delete(uid);
    if (line.holder?.uid === uid) line.holder = undefined;
    if (line.holder) return;
    const [next] = line.waiting;
    if (next === undefined) lines.delete(key);
    else wake(next);
  }

  function release(key: string | undefined, uid: string): void {
    for (const [each, line] of lines)
      if (each === key || line.holder?.uid === uid || line.waiting.has(uid)) leave(each, line, uid);
  }

  return {
    claim(key, who, blockedBy) {
      for (const [each, line] of lines)
        if (each !== key && (line.holder?.uid === who.uid || line.waiting.has(who.uid)))
          leave(each, line, who.uid);
      const line = lines.get(key) ?? { holder: undefined, waiting: new Set() };
      lines.set(key, line);
      if (line.holder && line.holder.uid !== who.uid) {
        line.waiting.add(who.uid);
        return { behind: line.holder.name, looksAgain: false };
      }
      if (blockedBy !== undefined) {
        line.holder = undefined;
        line.waiting.add(who.uid);
        // Nobody has the turn, so nobody passes it on; one that looks is enough.
        return { behind: blockedBy, looksAgain: [...line.waiting][0] === who.uid };
      }
      line.waiting.delete(who.uid);
      line.holder = who;
      return undefined;
    },
    release,
    forget: (uid) => release(undefined, uid),
  };
}
