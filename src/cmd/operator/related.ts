/** Which passes a change of one object asks for over others, as the registry says. */
import {
  KIND_NAMES,
  REGISTRY,
  type KindName,
  type Lookup,
  type Objects,
  type Usage,
} from '../../../controllers/index.ts';
import type { VirtualMachine } from '../../api/index.ts';
import type { Entry } from '../../runtime/object-store.ts';
import { watchRelated } from '../../runtime/triggers.ts';
import type { CloneIndexes } from './clones.ts';
import { targetsOf, type SnapshotIndexes, type VmIndexes } from './indexes.ts';
import { watchPlacement } from './placement-wakes.ts';
import type { AskForPass } from './queues.ts';
import type { Caches } from './watches.ts';

interface RelatedIndexes {
  readonly indexes: VmIndexes;
  readonly snapshots: SnapshotIndexes;
  readonly clones: Pick<CloneIndexes, 'byConcern'>;
}

export function watchRelatedObjects(
  watches: Caches,
  { indexes, snapshots, clones }: RelatedIndexes,
  ask: AskForPass,
): void {
  const lookup: Lookup = {
    keys: (kind) => watches[kind].cache.keys(),
    addressed: (value) => indexes.exclusive.keys(value),
    clonesOf: (source) => indexes.cloneSource.keys(source),
    snapshotsOf: (vm) => snapshots.vm.keys(vm),
    vmClonesOf: (object) => clones.byConcern.keys(object),
  };
  for (const kind of KIND_NAMES) {
    const { usage } = REGISTRY[kind];
    if (usage) watchUse(kind, usage, { watches, indexes, ask });
    for (const other of KIND_NAMES) watchFollowed(kind, other, watches[other], { lookup, ask });
  }
  watchPlacement(watches, indexes, ask);
}

interface Wiring {
  readonly watches: Caches;
  readonly ask: AskForPass;
}

/** A VM follows what it refers to; what it refers to may wait until it is no longer used. */
function watchUse(
  kind: KindName,
  usage: Usage,
  { watches, indexes, ask }: Wiring & { readonly indexes: VmIndexes },
): void {
  watches[kind].cache.onChange((key) =>
    ask('VirtualMachine', indexes.users(kind).keys(key), 'relatedObject'),
  );
  watches.VirtualMachine.cache.onChange((_key, before, after) => {
    if (usage.passWhen === 'userIsGone' ? after : before && after && useOf(before) === useOf(after)) return;
    for (const vm of [before?.partial, after?.partial]) {
      const targets = vm ? targetsOf(vm, usage) : [];
      if (targets.length > 0) ask(kind, targets, 'relatedObject');
    }
  });
}

/** Changes when a VM may begin or cease to use an object. */
const useOf = ({ metadata }: Entry<VirtualMachine>): string =>
  `${metadata.uid} ${metadata.generation} ${metadata.deletionTimestamp ?? ''}`;

function watchFollowed<K extends KindName>(
  kind: KindName,
  followed: K,
  { cache }: Caches[K],
  { lookup, ask }: { readonly lookup: Lookup; readonly ask: AskForPass },
): void {
  const dependants = REGISTRY[kind].follows?.[followed];
  if (!dependants) return;
  watchRelated<Objects[K]>(cache, { add: (key, reason) => ask(kind, [key], reason) }, ({ key, partial }) =>
    dependants({ key, object: partial }, lookup),
  );
}
