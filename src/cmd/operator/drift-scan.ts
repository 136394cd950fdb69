/** Looks at settled VMs from time to time, although nothing about them is known to have changed. */
import { DRIFT_TICK, driftScan, type ProcessStates } from '../../../controllers/index.ts';
import type { VmIndexes } from './indexes.ts';
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
