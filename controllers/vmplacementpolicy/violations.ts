/** Which VMs are where their placement policy would not place them. Pure. */
import type { VirtualMachine, VMPlacementPolicy } from '../../src/api/index.ts';
import type { Readable } from '../../src/runtime/controller.ts';
import type { NodeName } from '../../src/lib/units.ts';
import { nodesOf } from '../shared/placement/peers.ts';
import { tagsInPve } from '../shared/placement/terms.ts';
import type { RuleFacts } from '../shared/placement/rule-facts.ts';
import { judging } from '../shared/placement/rules.ts';
import type { Site } from '../shared/placement/site.ts';

type VM = Readable<VirtualMachine>;

export interface Violation {
  readonly vm: VM;
  readonly node: NodeName;
  readonly message: string;
}

/**
 * VMs that are being made are not judged: what was decided for them holds. Free memory changes all the time, so a lack of
 * it is no violation.
 */
export function* violationsOf(
  policy: VMPlacementPolicy,
  users: readonly VM[],
  { facts, site }: { readonly facts: RuleFacts; readonly site: Site },
): Generator<void, readonly Violation[]> {
  const judgementOf = judging(facts);
  const tooMany = fullNodes(policy, site);
  const found: Violation[] = [];
  for (const vm of users) {
    yield;
    if (vm.status?.createdAt === undefined) continue;
    const { uid, namespace, labels } = vm.metadata;
    const { rejected } = judgementOf({ uid, namespace, labels, tags: tagsInPve(vm.spec.tags) });
    for (const node of nodesOf(vm, site)) {
      const message = rejected(node) ?? tooMany(node);
      if (message !== undefined) found.push({ vm, node, message });
    }
  }
  return found;
}

function fullNodes({ spec }: VMPlacementPolicy, { view }: Site): (node: NodeName) => string | undefined {
  const { maxVMsPerNode: most } = spec.constraints ?? {};
  if (most === undefined) return () => undefined;
  const counts = new Map<NodeName, number>();
  for (const { node, type, template } of view.guests.values())
    if (type === 'qemu' && !template) counts.set(node, (counts.get(node) ?? 0) + 1);
  return (node) => {
    const count = counts.get(node) ?? 0;
    return count > most ? `it has ${count} VMs, and maxVMsPerNode is ${most}` : undefined;
  };
}
