/** Whether the Provider of the VM grants that snapshots are deleted. Pure. */
import type { VirtualMachine, VMSnapshot } from '../../../src/api/index.ts';
import { askFor, isOutside, type Grant } from '../../shared/grants/grants.ts';
import type { Blocked } from '../model/blocked.ts';

/** Whoever may not destroy VMs does not destroy their snapshots either. Whoever withdraws the grant as a whole does not grant it. */
export const isDeletionDenied = ({ status }: VirtualMachine, grant: Grant): boolean =>
  grant.isWithdrawn ? status?.internal?.preserved === true : isOutside(grant.deletionPolicies, 'Delete');

/** Told before the snapshot is taken: those that nobody may delete would fill the storage. */
export function notGrantedPolicy(
  { spec: { deletionPolicy = 'Delete' } }: VMSnapshot,
  grant: Grant,
): Blocked | undefined {
  if (deletionPolicy !== 'Delete' || !isOutside(grant.deletionPolicies, 'Delete')) return undefined;
  return {
    reason: 'NotGranted',
    message: `The deletion policy is Delete, which VMs of namespace ${grant.namespace} and their snapshots may not have. Set spec.deletionPolicy to Retain, or ${askFor('deletionPolicies', grant)}.`,
  };
}
