/** Whether a placement policy may mean VMs of other namespaces than its own. Pure. */
import type { Provider, VirtualMachine, VMPlacementPolicy } from '../../../src/api/index.ts';
import type { ObjectReader } from '../../../src/runtime/controller.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import { askFor, grantOf } from '../../shared/grants/grants.ts';
import type { Namespaces } from '../../shared/grants/namespaces.ts';
import { providerOf } from '../../shared/objects/provider-of.ts';
import { looksAcross } from '../../shared/placement/scope.ts';
import type { Lookup } from '../model/unresolved.ts';

export interface NamespacePorts {
  readonly namespaces: Namespaces;
}

/** A rule that means fewer VMs than it says would be broken without anybody being told, so the VM waits instead. */
export function acrossNamespaces(
  { metadata, spec }: VMPlacementPolicy,
  vm: VirtualMachine,
  { providers, namespaces }: NamespacePorts & { readonly providers: ObjectReader<Provider> },
): Lookup {
  if (!looksAcross(spec)) return { ok: true };
  const named = `VMPlacementPolicy ${metadata.namespace}/${metadata.name} means VMs of other namespaces (namespaceSelector)`;
  if (!namespaces.mayBeRead)
    return {
      ok: false,
      reason: Reasons.namespaceNotWatched,
      message: `${named}, and this operator watches single namespaces only. Remove namespaceSelector.`,
    };
  const { namespace, name } = providerOf(vm);
  const provider = providers.partial(namespace, name);
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
