/** A queue in which one with much to do does not delay the others: it is the turn of each owner after the other. */
export interface FairQueue<T> {
  push(owner: string, item: T): void;
  take(): T | undefined;
  of(owner: string): readonly T[];
}

export function createFairQueue<T>(): FairQueue<T> {
  /** The owner whose turn is next comes first. */
  const waiting = new Map<string, T[]>();
  return {
    push: (owner, item) => void waiting.set(owner, [...(waiting.get(owner) ?? []), item]),
    take() {
      const [next] = waiting;
      if (!next) return undefined;
      const [owner, [item, ...rest]] = next;
      waiting.delete(owner);
      if (rest.length > 0) waiting.set(owner, rest);
      return item;
    },
    of: (owner) => waiting.get(owner) ?? [],
  };
}
