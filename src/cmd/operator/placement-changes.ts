/** What has changed of all that placement policies look at, so that they need not look at all of it each time. */
import type { ControllerPorts } from '../../../controllers/index.ts';
import type { Resource } from '../../runtime/controller.ts';
import type { ChangeListener, Entry } from '../../runtime/object-store.ts';
import type { Caches } from './watches.ts';

/** Changes of the VMs of a namespace; whoever is further behind looks at all of them. */
const REMEMBERED = 1024;
const NONE: ReadonlySet<string> = new Set();

interface Log {
  /** The position of the first one that is remembered. */
  start: number;
  readonly names: string[];
  /** Of the namespace. */
  vms: number;
}

export interface WatchedChanges extends PlacementChanges {
  /** The labels of a Namespace have changed. */
  readonly relabelled: () => void;
}

type PlacementChanges = ControllerPorts['changes'];

export function createPlacementChanges({
  VirtualMachine,
  VMPlacementPolicy,
  Provider,
}: Pick<Caches, 'VirtualMachine' | 'VMPlacementPolicy' | 'Provider'>): WatchedChanges {
  let rules = 0;
  const edited: ChangeListener<Resource> = (_key, before, after) => {
    if (!isSameEdit(before, after)) rules += 1;
  };
  VMPlacementPolicy.cache.onChange(edited);
  Provider.cache.onChange(edited);

  /** Of all namespaces: a log that begins again begins after all that anybody may remember. */
  let next = 0;
  const logs = new Map<string, Log>();
  /** When a namespace lost its last VM, whichever that was: one that has none since before then has not changed. */
  let emptied = 0;
  VirtualMachine.cache.onChange((_key, before, after) => {
    const { namespace, name } = (after ?? before)?.metadata ?? {};
    if (namespace === undefined || name === undefined) return;
    const log = logs.get(namespace) ?? { start: next, names: [], vms: 0 };
    logs.set(namespace, log);
    next += 1;
    log.names.push(name);
    log.vms += Number(after !== undefined) - Number(before !== undefined);
    if (log.vms === 0) {
      logs.delete(namespace);
      emptied = next;
    }
    if (log.names.length > 2 * REMEMBERED) log.start += log.names.splice(0, REMEMBERED).length;
  });

  return {
    relabelled: () => void (rules += 1),
    rules: () => rules,
    namespaces: () => [...logs.keys()],
    position(namespace) {
      const log = logs.get(namespace);
      return log ? log.start + log.names.length : next;
    },
    since(namespace, position) {
      const log = logs.get(namespace);
      if (!log) return position >= emptied ? NONE : undefined;
      return position >= log.start ? new Set(log.names.slice(position - log.start)) : undefined;
    },
  };
}

/** A status says nothing of rules. */
export const isSameEdit = (
  before: Entry<Resource> | undefined,
  after: Entry<Resource> | undefined,
): boolean =>
  before?.metadata.uid === after?.metadata.uid && before?.metadata.generation === after?.metadata.generation;
