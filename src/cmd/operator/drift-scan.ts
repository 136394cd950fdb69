/** Looks at settled VMs from time to time, although nothing about them is known to have changed. */
import {
  DRIFT_TICK,
  driftScan,
  SNAPSHOT_SCAN_TICK,
  type ControllerPorts,
  type ProcessStates,
} from '../../../controllers/index.ts';
import { keyOf, type SnapshotIndexes, type VmIndexes } from './indexes.ts';
import type { AskForPass } from './queues.ts';

interface Deps {
  readonly indexes: VmIndexes;
  readonly ask: AskForPass;
  readonly now: () => number;
}

/** Begins at once; the function that it returns ends it. */
export function scanForDrift(processStates: ProcessStates, { indexes, ask, now }: Deps): () => void {
  const enqueue = (uid: string): void => ask('VirtualMachine', indexes.uid.keys(uid), 'driftScan');
  const scanning = setInterval(() => driftScan({ processStates, now, enqueue }), DRIFT_TICK);
  return () => clearInterval(scanning);
}

/** The same for the snapshots of VMs, which tasks of others may delete unseen. */
export function scanSnapshots(
  trees: Pick<ControllerPorts['snapshotTrees'], 'takeOldest'>,
  { indexes, snapshots, ask }: Omit<Deps, 'now'> & { readonly snapshots: SnapshotIndexes },
): () => void {
  const scan = (): void => {
    const vms = trees.takeOldest().flatMap((uid) => indexes.uid.objects(uid));
    for (const { metadata } of vms) ask('VMSnapshot', snapshots.vm.keys(keyOf(metadata)), 'driftScan');
  };
  const scanning = setInterval(scan, SNAPSHOT_SCAN_TICK);
  return () => clearInterval(scanning);
}
