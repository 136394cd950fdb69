/** A watch for each kind: its cache for reading, its store for the engine. */
import type { KindName, Objects } from '../../../controllers/index.ts';
import {
  Provider,
  VirtualMachine,
  VMClass,
  VMClone,
  VMImage,
  VMPlacementPolicy,
  VMSnapshot,
  VMSnapshotSchedule,
  type VirtualMachineSpecInput,
  type VMSnapshotSpecInput,
} from '../../api/index.ts';
import { watchKind, type WatchDeps } from '../../kube/watched-kind.ts';
import type { ObjectReader, ObjectWriter, Resource } from '../../runtime/controller.ts';
import type { Watcher } from '../../runtime/manager.ts';
import type { ChangeSource, ObjectStore } from '../../runtime/object-store.ts';

export interface Watched<O extends Resource> {
  readonly cache: ObjectReader<O> & ChangeSource<O> & { keys(): readonly string[] };
  readonly store: ObjectStore<O>;
  readonly watcher: Watcher;
}

export type Watches = { readonly [K in KindName]: Watched<Objects[K]> } & {
  readonly VirtualMachine: { readonly writer: ObjectWriter<VirtualMachineSpecInput> };
  readonly VMSnapshot: { readonly writer: ObjectWriter<VMSnapshotSpecInput> };
};

/** As far as changes are concerned. */
export type Caches = { readonly [K in KindName]: Pick<Watched<Objects[K]>, 'cache'> };

export const watchAll = (deps: WatchDeps): Watches => ({
  Provider: watchKind(Provider, deps),
  VirtualMachine: watchKind(VirtualMachine, deps),
  VMClass: watchKind(VMClass, deps),
  VMImage: watchKind(VMImage, deps),
  VMSnapshot: watchKind(VMSnapshot, deps),
  VMSnapshotSchedule: watchKind(VMSnapshotSchedule, deps),
  VMClone: watchKind(VMClone, deps),
  VMPlacementPolicy: watchKind(VMPlacementPolicy, deps),
});
