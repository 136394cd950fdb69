/** Why the deletion of a VM waits for a confirmation. */
import { CONFIRM_DELETIONS, type Provider, type VirtualMachine } from '../../../src/api/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import { holdsDeletion, type DeletionLog } from '../../shared/limits/deletion-protection.ts';

export interface DeletionProtectionPorts {
  readonly vmsOfProvider: (namespace: string, name: string) => readonly Readable<VirtualMachine>[];
  readonly deletionLog: DeletionLog;
  /** Epoch ms. */
  readonly now: () => number;
}

/** A sentence for the condition Ready; `undefined`: the deletion goes on. */
export function heldDeletion(
  vm: VirtualMachine,
  provider: Readable<Provider> | undefined,
  { vmsOfProvider, deletionLog, now }: DeletionProtectionPorts,
): string | undefined {
  if (!provider) return undefined;
  const { namespace, name } = provider.metadata;
  const held = holdsDeletion(vm, {
    provider,
    vms: vmsOfProvider(namespace, name),
    log: deletionLog,
    now: now(),
  });
  return (
    held &&
    `More than ${held.maxPerMinute} VMs of Provider ${namespace}/${name} were deleted within a minute, so the guest is neither stopped nor destroyed until the deletions are confirmed: kubectl -n ${namespace} annotate --overwrite provider ${name} ${CONFIRM_DELETIONS}=$(date -u +%Y-%m-%dT%H:%M:%SZ). To keep the guest, set spec.deletionPolicy to Retain.`
  );
}
