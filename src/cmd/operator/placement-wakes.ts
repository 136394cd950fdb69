/**
 * Which VMs that are not made yet look again at once, because a node may be free for them now. All of them look again by
 * themselves, so that the number that is woken at a time may be limited.
 */
import type { Provider, VirtualMachine, VMPlacementPolicy } from '../../api/index.ts';
import type { Readable } from '../../runtime/controller.ts';
import type { Entry } from '../../runtime/object-store.ts';
import { keyOf, providerOf, type VmIndexes } from './indexes.ts';
import { isSameEdit } from './placement-changes.ts';
import type { AskForPass } from './queues.ts';
import type { Caches } from './watches.ts';

type VM = Readable<VirtualMachine>;

/** An edit of a policy may help all of them. */
const WOKEN_BY_POLICY = 256;
/** A node that one VM leaves is rarely for more than one. */
const WOKEN_BY_VM = 32;

export function watchPlacement(
  watches: Pick<Caches, 'Provider' | 'VirtualMachine' | 'VMPlacementPolicy'>,
  { unmade, withoutNode }: Pick<VmIndexes, 'unmade' | 'withoutNode'>,
  ask: AskForPass,
): void {
  const providers = (): readonly Readable<Provider>[] => watches.Provider.cache.list();
  // VMs that name the policy themselves follow it as they follow all that they refer to.
  watches.VMPlacementPolicy.cache.onChange((_key, before, after) => {
    const policy = after ?? before;
    if (!policy || isSameEdit(before, after)) return;
    for (const provider of providers().filter((each) => isUsual(policy, each)))
      ask('VirtualMachine', unmade.keys(keyOf(provider.metadata), WOKEN_BY_POLICY), 'relatedObject');
  });
  watches.VirtualMachine.cache.onChange((_key, before, after) => {
    if (!before || !leaves(before.partial, after?.partial)) return;
    const { metadata } = before;
    for (const near of [providerOf(before.partial), metadata.namespace])
      if (near !== undefined) ask('VirtualMachine', withoutNode.keys(near, WOKEN_BY_VM), 'relatedObject');
  });
}

const isUsual = (
  { metadata: policy }: Entry<VMPlacementPolicy>,
  { metadata, spec }: Readable<Provider>,
): boolean => metadata.namespace === policy.namespace && spec.defaults?.placementRef?.name === policy.name;

/** Whether it may no longer count on a node where it counted before. */
function leaves(before: VM, after: VM | undefined): boolean {
  const nodes = recordedNodes(before);
  if (nodes.length === 0) return false;
  if (!after) return true;
  const now = recordedNodes(after);
  return nodes.some((node) => !now.includes(node)) || meantBy(before) !== meantBy(after);
}

function recordedNodes({ status, spec }: VM): readonly string[] {
  const { node, placement, createdAt, conditions = [] } = status ?? {};
  const isGone = conditions.some(({ type, reason }) => type === 'Ready' && reason === 'GuestMissing');
  const to = createdAt === undefined ? [placement?.node, placement && spec.placement?.host] : [];
  return [isGone ? undefined : node, ...to].filter((each) => each !== undefined);
}

/** What the terms of policies look at. */
const meantBy = ({ metadata, spec }: VM): string => JSON.stringify([metadata.labels, spec.tags]);
