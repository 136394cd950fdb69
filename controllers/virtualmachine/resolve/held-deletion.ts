/** Why the deletion of a VM waits for a confirmation. */
import { CONFIRM_DELETIONS, type Provider, type VirtualMachine } from '../../../src/api/index.ts';
import { minutes } from '../../../src/lib/units.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import { holdOf, type DeletionLog, type Hold } from '../../shared/limits/deletion-protection.ts';
import type { HeldDeletion } from '../model/desired.ts';

export interface DeletionProtectionPorts {
  readonly vmsOfProvider: (namespace: string, name: string) => readonly Readable<VirtualMachine>[];
  readonly deletionLog: DeletionLog;
  /** Epoch ms. */
  readonly now: () => number;
}

/** `undefined`: the deletion goes on. */
export function heldDeletion(
  vm: VirtualMachine,
  provider: Readable<Provider> | undefined,
  { vmsOfProvider, deletionLog, now }: DeletionProtectionPorts,
): HeldDeletion | undefined {
  if (!provider) return undefined;
  const { namespace, name } = provider.metadata;
  const hold = holdOf(vm, { provider, vms: vmsOfProvider(namespace, name), log: deletionLog, now: now() });
  return hold && reported(hold, { namespace, name });
}

const reported = (
  hold: Hold,
  { namespace, name }: Pick<Provider['metadata'], 'namespace' | 'name'>,
): HeldDeletion =>
  hold.because === 'recent'
    ? {
        reason: 'Deleting',
        message: `Provider ${namespace}/${name} limits how many VMs may be deleted within a minute, so the guest is touched a few seconds after the deletion, once it is known how many there are.`,
        forMs: hold.forMs,
      }
    : {
        reason: 'DeletionsHeld',
        message: `More than ${hold.maxPerMinute} VMs of Provider ${namespace}/${name} were deleted within a minute, so the guest is neither stopped nor destroyed until the deletions are confirmed: kubectl -n ${namespace} annotate --overwrite provider ${name} ${CONFIRM_DELETIONS}=$(date -u +%Y-%m-%dT%H:%M:%SZ). To keep the guest, set spec.deletionPolicy to Retain.${hold.confirmation === undefined ? '' : ` ${hold.confirmation}`}`,
        // A change of the Provider asks for a pass over its VMs.
        forMs: minutes(10),
      };
