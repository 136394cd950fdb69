/**
 * An object that is deleted by force leaves its VMID behind: no other VM may get it while its guest may exist. The
 * Provider's status lists it before the object is gone, so that a process that ends here forgets nothing.
 */
import type { Provider, VirtualMachine } from '../../src/api/index.ts';
import { seconds, vmid } from '../../src/lib/units.ts';
import type { ObjectReader } from '../../src/runtime/controller.ts';
import { within } from '../../src/runtime/outcome.ts';
import { forceDeletedIn, type ForceDeleted } from '../shared/cluster/force-deleted.ts';
import type { Plan } from './model/plan.ts';
import type { VmResult } from './report/outcome.ts';
import { unresolved } from './report/unresolved.ts';

export interface LeftBehindPorts {
  readonly providers: ObjectReader<Provider>;
  readonly forceDeleted: Pick<ForceDeleted, 'add'>;
}

/** Whatever keeps the Provider from listing it: a deletion by force is always possible. */
const WAITS_FOR = seconds(5);

/** `undefined`: the object may go. */
export function untilListedAsLeft(
  vm: VirtualMachine,
  next: Extract<Plan, { kind: 'gone' }>,
  { providers, forceDeleted }: LeftBehindPorts,
  now: number,
): VmResult | undefined {
  const { metadata, spec, status } = vm;
  if (next.left?.by !== 'force' || status?.vmid === undefined) return undefined;
  const { name, namespace = metadata.namespace } = spec.providerRef;
  const left = { vmid: vmid(status.vmid), name: status.name, node: status.node };
  const since = forceDeleted.add(`${namespace}/${name}`, left);
  const provider = providers.get(namespace, name);
  const isListed = forceDeletedIn(provider?.status).some((listed) => listed.vmid === left.vmid);
  if (!provider || isListed || now - since >= WAITS_FOR) return undefined;
  const message = `The object is being deleted by force. First, the Provider lists VM ${left.vmid} as left behind.`;
  const result = unresolved(vm, { ok: false, reason: 'Deleting', message });
  return { ...result, outcome: within(result.outcome, seconds(1)) };
}
