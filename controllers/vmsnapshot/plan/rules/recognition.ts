/** The snapshot of the object is found again, or missed. Pure. */
import { refuse } from '../../../shared/plan/rule.ts';
import { ownOf } from '../../model/own.ts';
import { act, type Rule } from './rule.ts';

/** Status was lost, or the description was copied. */
export const recognition: Rule = (want, have) => {
  const own = ownOf(have);
  if (own) return own.name === have.name ? undefined : act({ do: 'recordName', name: own.name });
  if (have.own.length === 0) return undefined;
  return refuse(
    'AmbiguousIdentity',
    `Several snapshots of VM ${want.vmid} have the line of this object in their descriptions: ${have.own.map(({ name }) => name).join(', ')}. Remove the line from all but one: ${want.line}`,
    60_000,
  );
};

/** It was there, and we did not delete it. */
export const lost: Rule = (want, have) =>
  have.made && want.exists && have.own.length === 0
    ? refuse(
        'SnapshotMissing',
        `Snapshot ${have.name ?? ''} of VM ${want.vmid} was deleted in Proxmox VE. It is not taken again, since the VM has another state by now. Delete this object, and create another one for a new snapshot.`,
        30 * 60_000,
      )
    : undefined;
