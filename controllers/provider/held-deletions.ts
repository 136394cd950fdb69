/** What a Provider reports of deletions that wait for a confirmation. Pure. */
import { CONFIRM_DELETIONS, type Provider } from '../../src/api/index.ts';
import type { DomainCondition } from '../../src/runtime/controller.ts';
import type { HeldDeletions } from '../shared/limits/deletion-protection.ts';
import { warning } from '../shared/errors/event.ts';
import type { ProviderResult } from './results.ts';

/** Since when they wait is kept in status, so that a restart of the operator releases none. */
export function withHeldDeletions(
  result: ProviderResult,
  provider: Provider,
  { held, now }: { readonly held: HeldDeletions | undefined; readonly now: Date },
): ProviderResult {
  const { deletionsHeldSince: _before, ...status } = result.status;
  if (!held) return { ...result, status };
  const since = provider.status?.deletionsHeldSince;
  const condition = conditionOf(provider, held);
  return {
    ...result,
    status: { ...status, deletionsHeldSince: since ?? now.toISOString() },
    conditions: [...(result.conditions ?? []), condition],
    events: [
      ...(result.events ?? []),
      ...(since === undefined ? [warning('DeletionsHeld', condition.message)] : []),
    ],
  };
}

/** Without a count: it would be written again for each VM. */
const conditionOf = (
  { metadata }: Provider,
  { maxPerMinute, confirmation }: HeldDeletions,
): DomainCondition => ({
  type: 'DeletionsHeld',
  status: 'True',
  reason: 'DeletionsHeld',
  message:
    `More than ${maxPerMinute} VMs were deleted within a minute. Their guests, and those of VMs that are deleted from now on, are neither stopped nor destroyed until the deletions are confirmed: ` +
    `kubectl -n ${metadata.namespace} annotate --overwrite provider ${metadata.name} ${CONFIRM_DELETIONS}=$(date -u +%Y-%m-%dT%H:%M:%SZ). ` +
    'kubectl get vm -A shows which they are. To keep a guest, set spec.deletionPolicy of its VirtualMachine to Retain.' +
    (confirmation === undefined ? '' : ` ${confirmation}`),
});
