/**
 * Shares a number of workers among nested groups, so that a group whose work hangs never has all of them: a tenant, its
 * Providers, and the namespaces that use each. It knows neither time nor what the work is.
 *
 * Work may begin while what runs in each group on its path, added up, is less than the workers that are free. So one
 * group alone leaves workers for others, the more groups are busy the fewer each gets, and the first work of a group
 * begins as long as its parent has room. Among groups with room it is round robin, and in a group first come, first
 * served.
 */

/** Where work belongs, from the outermost group inwards. */
export type Path = readonly string[];

interface Group {
  running: number;
  readonly waiting: Set<string>;
  /** The one that was served last comes last. */
  readonly children: Map<string, Group>;
}

const emptyGroup = (): Group => ({ running: 0, waiting: new Set(), children: new Map() });

const isEmpty = ({ running, waiting, children }: Group): boolean =>
  running === 0 && waiting.size === 0 && children.size === 0;

export class FairShares {
  readonly #workers: number;
  readonly #root = emptyGroup();

  constructor(workers: number) {
    this.#workers = workers;
  }

  /** The work waits for its turn. */
  add(path: Path, work: string): void {
    let group = this.#root;
    for (const name of path) {
      const child = group.children.get(name) ?? emptyGroup();
      group.children.set(name, child);
      group = child;
    }
    group.waiting.add(work);
  }

  /** The work whose turn it is, which runs from now on; `undefined`: none may begin. The caller owes a `done` with its path. */
  take(): { readonly path: Path; readonly work: string } | undefined {
    const found = next(this.#root, this.#workers - this.#root.running);
    if (!found) return undefined;
    let group = this.#root;
    group.running += 1;
    for (const name of found.path) {
      const child = childOf(group, name);
      group.children.delete(name);
      group.children.set(name, child);
      group = child;
      group.running += 1;
    }
    group.waiting.delete(found.work);
    return found;
  }

  /** Work on this path has ended. */
  done(path: Path): void {
    end(this.#root, path);
  }

  /** Nothing waits any more. */
  clear(): void {
    clear(this.#root);
  }
}

function childOf(group: Group, name: string): Group {
  const child = group.children.get(name);
  if (!child) throw new Error(`nothing runs or waits in ${name}`);
  return child;
}

/** @param room workers that are free, less what runs on the path so far */
function next(group: Group, room: number): { readonly path: Path; readonly work: string } | undefined {
  if (room <= 0) return undefined;
  const [work] = group.waiting;
  if (work !== undefined) return { path: [], work };
  for (const [name, child] of group.children) {
    const found = next(child, room - child.running);
    if (found) return { path: [name, ...found.path], work: found.work };
  }
  return undefined;
}

function end(group: Group, [name, ...rest]: Path): void {
  group.running -= 1;
  if (name === undefined) return;
  const child = childOf(group, name);
  end(child, rest);
  if (isEmpty(child)) group.children.delete(name);
}

function clear(group: Group): void {
  group.waiting.clear();
  for (const [name, child] of group.children) {
    clear(child);
    if (isEmpty(child)) group.children.delete(name);
  }
}
