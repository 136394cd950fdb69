/** What the process remembers of an object is forgotten with it, also of one whose finalizer was removed by hand. */
import type { ControllerPorts } from '../../../controllers/index.ts';
import { keyOf } from './indexes.ts';
import type { Watches } from './watches.ts';

export function forgetGoneVms(
  { VirtualMachine }: Watches,
  { processStates, restartSlots, pool, snapshotTrees }: ControllerPorts,
): void {
  VirtualMachine.cache.onChange((_key, before, after) => {
    if (!before || before.metadata.uid === after?.metadata.uid) return;
    const { uid } = before.metadata;
    processStates.forget(uid);
    restartSlots.forget(uid);
    pool.release(uid);
    snapshotTrees.forget(uid);
  });
}

/** Its connection is closed. */
export function forgetGoneProviders({ Provider }: Watches, { pool }: Pick<ControllerPorts, 'pool'>): void {
  Provider.cache.onChange((_key, before, after) => {
    if (before && !after) pool.drop(keyOf(before.metadata));
  });
}

export function forgetGoneSnapshots(
  { VMSnapshot }: Watches,
  { snapshotRequests }: Pick<ControllerPorts, 'snapshotRequests'>,
): void {
  VMSnapshot.cache.onChange((_key, before, after) => {
    if (before && before.metadata.uid !== after?.metadata.uid) snapshotRequests.forget(before.metadata.uid);
  });
}
