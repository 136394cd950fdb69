/** Which VirtualMachine a VMClone made. */
import type { VirtualMachine, VMClone } from '../../src/api/index.ts';
import type { Readable } from '../../src/runtime/controller.ts';
import type { VMClonePorts } from './ports.ts';
import { targetOf } from './target.ts';

type Copy = Readable<VirtualMachine>;

/**
 * By the recorded uid; before it is recorded, and where status was lost, by the label. A label can be copied: it counts
 * only in the namespaces of the VMClone and of its target, and the VM with the name of the target comes first.
 */
export function copyOf(
  clone: VMClone,
  { vms, copiesOf }: Pick<VMClonePorts, 'vms' | 'copiesOf'>,
): Copy | undefined {
  const { targetRef, targetUID } = clone.status ?? {};
  if (targetUID !== undefined) {
    const copy = targetRef && vms.partial(targetRef.namespace, targetRef.name);
    return copy?.metadata.uid === targetUID ? copy : undefined;
  }
  const target = targetRef ?? targetOf(clone);
  const namespaces = new Set([clone.metadata.namespace, target.namespace, targetOf(clone).namespace]);
  const isNamed = ({ metadata }: Copy): boolean =>
    metadata.namespace === target.namespace && metadata.name === target.name;
  const marked = copiesOf(clone.metadata.uid).filter(({ metadata }) => namespaces.has(metadata.namespace));
  return marked.find(isNamed) ?? marked[0];
}
