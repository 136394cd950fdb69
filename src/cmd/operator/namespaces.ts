/**
 * Labels of Namespaces, for Providers whose grants and placement policies whose terms select namespaces by them, and
 * annotations, for VMClones into another namespace. Without such an object none is read.
 */
import {
  hasSelector,
  isCrossing,
  looksAcross,
  NO_NAMESPACES,
  type NamespaceAnnotations,
  type Namespaces,
} from '../../../controllers/index.ts';
import { watchNamespaces } from '../../kube/namespaces.ts';
import type { WatchDeps } from '../../kube/watched-kind.ts';
import { keyOf, providerOf, type VmIndexes } from './indexes.ts';
import type { AskForPass } from './queues.ts';
import type { WatchedChanges } from './placement-changes.ts';
import type { Caches } from './watches.ts';

interface Deps {
  readonly watches: Pick<Caches, 'Provider' | 'VMImage' | 'VMClone' | 'VMPlacementPolicy'>;
  readonly indexes: Pick<VmIndexes, 'namespace' | 'unmade'>;
  readonly changes: Pick<WatchedChanges, 'relabelled'>;
  readonly ask: AskForPass;
}

export interface NamespaceParts {
  readonly namespaces: Namespaces;
  readonly annotationsOf: (namespace: string) => NamespaceAnnotations;
  /** Ends the watch. */
  readonly stop: () => void;
}

/** Those that wait look again by themselves; an edit of a Namespace may help all of them. */
const WOKEN = 256;

export function createNamespaces(watch: WatchDeps, { watches, indexes, changes, ask }: Deps): NamespaceParts {
  // With Roles in single namespaces, Namespaces themselves may not be read.
  if (watch.namespaces)
    return { namespaces: NO_NAMESPACES, annotationsOf: () => 'unavailable', stop: () => undefined };
  const watched = watchNamespaces(watch);
  const stopping = new AbortController();
  const selecting = new Set<string>();
  watches.Provider.cache.onChange((key, _before, after) => {
    if (after && hasSelector(after.partial.spec)) selecting.add(key);
    else selecting.delete(key);
    if (selecting.size > 0) watched.start(stopping.signal);
  });
  const crossing = new Set<string>();
  watches.VMClone.cache.onChange((key, _before, after) => {
    if (after && isCrossing(after.partial)) crossing.add(key);
    else crossing.delete(key);
    if (crossing.size > 0) watched.start(stopping.signal);
  });
  const meaning = new Set<string>();
  watches.VMPlacementPolicy.cache.onChange((key, _before, after) => {
    if (after && looksAcross(after.partial.spec)) meaning.add(key);
    else meaning.delete(key);
    if (meaning.size > 0) watched.start(stopping.signal);
  });
  watched.onChange((namespace) => {
    ask('VMClone', crossing, 'relatedObject');
    changes.relabelled();
    if (meaning.size > 0)
      for (const provider of watches.Provider.cache.keys())
        ask('VirtualMachine', indexes.unmade.keys(provider, WOKEN), 'relatedObject');
    if (selecting.size === 0) return;
    const vms = indexes.namespace.objects(namespace).filter((vm) => selecting.has(providerOf(vm) ?? ''));
    ask(
      'VirtualMachine',
      vms.map(({ metadata }) => keyOf(metadata)),
      'relatedObject',
    );
    const images = watches.VMImage.cache.keys().filter((key) => key.startsWith(`${namespace}/`));
    ask('VMImage', images, 'relatedObject');
    // One that is being deleted waits for the VMs that may use it.
    ask('Provider', selecting, 'relatedObject');
  });
  return {
    namespaces: {
      labelsOf: (namespace) => (watched.started ? (watched.labelsOf(namespace) ?? 'unread') : 'unavailable'),
      mayBeRead: true,
    },
    annotationsOf: (namespace) => watched.annotationsOf(namespace) ?? (watched.synced ? 'absent' : 'unread'),
    stop: () => stopping.abort(),
  };
}
