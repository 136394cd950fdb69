/** Whether a placement policy may mean VMs of other namespaces than its own. Pure. */
import type { Provider, Reason, VMPlacementPolicy } from '../../../src/api/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import { Reasons } from '../errors/reasons.ts';
import { askFor, grantOf } from '../grants/grants.ts';
import type { Namespaces } from '../grants/namespaces.ts';
import { looksAcross } from './scope.ts';

export type Across =
  { readonly ok: true } | { readonly ok: false; readonly reason: Reason; readonly message: string };

/** A rule that means fewer VMs than it says would be broken without anybody being told, so the VM waits instead. */
export function acrossNamespaces(
  { metadata, spec }: VMPlacementPolicy,
  provider: Readable<Provider> | undefined,
  namespaces: Namespaces,
): Across {
  if (!looksAcross(spec)) return { ok: true };
  const named = `VMPlacementPolicy ${metadata.namespace}/${metadata.name} means VMs of other namespaces (namespaceSelector)`;
  if (!namespaces.mayBeRead)
    return {
      ok: false,
      reason: Reasons.namespaceNotWatched,
      message: `${named}, and this operator watches single namespaces only. Remove namespaceSelector.`,
    };
  const grant = provider && grantOf(provider, metadata.namespace, namespaces);
  if (grant && !grant.placementAcrossNamespaces)
    return {
      ok: false,
      reason: 'NotGranted',
      message: `${named}, which is not granted to namespace ${metadata.namespace}. Remove namespaceSelector, or ${askFor('placementAcrossNamespaces', grant)}.`,
    };
  const labels = namespaces.labelsOf(metadata.namespace);
  return labels === 'unread' || labels === 'unavailable'
    ? {
        ok: false,
        reason: Reasons.providerNotReady,
        message: `${named}, whose labels have not been read yet. Reconciliation resumes once they are. If this lasts, check that the ClusterRole of the operator lets it list and watch namespaces.`,
      }
    : { ok: true };
}
