/**
 * Labels of Namespaces, for Providers whose grants select namespaces by them, and annotations, for VMClones into another
 * namespace. Without such an object none is read.
 */
import {
  hasSelector,
  isCrossing,
  NO_NAMESPACES,
  type NamespaceAnnotations,
  type Namespaces,
} from '../../../controllers/index.ts';
import { watchNamespaces } from '../../kube/namespaces.ts';
import type { WatchDeps } from '../../kube/watched-kind.ts';
import { keyOf, providerOf, type VmIndexes } from './indexes.ts';
import type { AskForPass } from './queues.ts';
import type { Caches } from './watches.ts';

interface Deps {
  readonly watches: Pick<Caches, 'Provider' | 'VMImage' | 'VMClone'>;
  readonly indexes: Pick<VmIndexes, 'namespace'>;
  readonly ask: AskForPass;
}

export interface NamespaceParts {
  readonly namespaces: Namespaces;
  readonly annotationsOf: (namespace: string) => NamespaceAnnotations;
  /** Ends the watch. */
  readonly stop: () => void;
}

export function createNamespaces(watch: WatchDeps, { watches, indexes, ask }: Deps): NamespaceParts {
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
  watched.onChange((namespace) => {
    ask('VMClone', crossing, 'relatedObject');
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
