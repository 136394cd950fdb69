/** What the process remembers of a VM is forgotten with it. */
import type { ControllerPorts } from '../../../controllers/index.ts';
import type { Watches } from './watches.ts';

export function forgetGoneVms(
  { VirtualMachine }: Watches,
  { processStates, restartSlots, pool }: ControllerPorts,
): void {
  VirtualMachine.cache.onChange((_key, before, after) => {
    if (!before || before.metadata.uid === after?.metadata.uid) return;
    const { uid } = before.metadata;
    processStates.forget(uid);
    restartSlots.forget(uid);
    pool.release(uid);
  });
}
