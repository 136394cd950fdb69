/** A binary heap: the smallest entry first, added and taken in logarithmic time. */

export interface Heap<T> {
  push(entry: T): void;
  /** The smallest one; it stays. */
  peek(): T | undefined;
  /** Takes the smallest one out. */
  pop(): T | undefined;
  readonly size: number;
}

/** @param rank of an entry, which must not change while it is in the heap */
export function createHeap<T>(rank: (entry: T) => number): Heap<T> {
  const entries: T[] = [];

  const isBefore = (a: number, b: number): boolean => {
    const [one, other] = [entries[a], entries[b]];
    return one !== undefined && other !== undefined && rank(one) < rank(other);
  };

  function swap(a: number, b: number): void {
    const [one, other] = [entries[a], entries[b]];
    if (one === undefined || other === undefined) return;
    entries[a] = other;
    entries[b] = one;
  }

  function rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!isBefore(at, parent)) return;
      swap(at, parent);
      at = parent;
    }
  }

  function sink(): void {
    for (let at = 0; ;) {
      const left = 2 * at + 1;
      const child = isBefore(left + 1, left) ? left + 1 : left;
      if (!isBefore(child, at)) return;
      swap(at, child);
      at = child;
    }
  }

  return {
    push(entry) {
      entries.push(entry);
      rise(entries.length - 1);
    },
    peek: () => entries[0],
    pop() {
      swap(0, entries.length - 1);
      const taken = entries.pop();
      sink();
      return taken;
    },
    get size() {
      return entries.length;
    },
  };
}
