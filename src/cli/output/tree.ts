/** Snapshots as a tree, the oldest first. Pure. */

export interface TreeEntry {
  readonly name: string;
  readonly parent?: string | undefined;
  readonly creationTime?: string | undefined;
}

export interface TreeLine<T> {
  /** What draws the branches, before the name. */
  readonly branch: string;
  readonly entry: T;
}

/**
 * Every entry once, below its parent. One whose parent is not there is a root, and so is one entry of a circle.
 */
export function treeLines<T extends TreeEntry>(entries: readonly T[]): readonly TreeLine<T>[] {
  const names = new Set(entries.map(({ name }) => name));
  const drawn = new Set<T>();
  const children = Map.groupBy(entries.toSorted(byTime), ({ parent }) => parent ?? '');

  const below = (name: string, indent: string): TreeLine<T>[] => {
    const left = (children.get(name) ?? []).filter((entry) => !drawn.has(entry));
    for (const entry of left) drawn.add(entry);
    return left.flatMap((entry, index) => {
      const isLast = index === left.length - 1;
      const line = { branch: `${indent}${isLast ? '└─ ' : '├─ '}`, entry };
      return [line, ...below(entry.name, `${indent}${isLast ? '   ' : '│  '}`)];
    });
  };
  const root = (entry: T): TreeLine<T>[] => {
    if (drawn.has(entry)) return [];
    drawn.add(entry);
    return [{ branch: '', entry }, ...below(entry.name, '')];
  };

  const sorted = entries.toSorted(byTime);
  const roots = sorted.filter(({ parent }) => parent === undefined || !names.has(parent));
  return [...roots, ...sorted].flatMap(root);
}

const byTime = (a: TreeEntry, b: TreeEntry): number =>
  compare(a.creationTime ?? '', b.creationTime ?? '') || compare(a.name, b.name);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
