/** Where the copy is to be, and whether it may be there. */
import { ALLOW_FROM, type VMClone } from '../../src/api/index.ts';
import { Reasons } from '../shared/errors/reasons.ts';
import { allowsFrom } from '../shared/objects/references.ts';
import type { Place, Refusal } from './model.ts';
import type { VMClonePorts } from './ports.ts';

export const targetOf = ({ metadata, spec: { target } }: VMClone): Place => ({
  namespace: target?.namespace ?? metadata.namespace,
  name: target?.name ?? metadata.name,
});

/** Whoever may create a VMClone could otherwise create a VirtualMachine anywhere, with the rights of the operator. */
export function notAllowedInto(
  { namespace }: Place,
  from: string,
  { annotationsOf }: Pick<VMClonePorts, 'annotationsOf'>,
): Refusal | undefined {
  if (namespace === from) return undefined;
  const annotations = annotationsOf(namespace);
  if (annotations === 'unavailable') return notReadable(namespace);
  if (typeof annotations === 'object' && allowsFrom(annotations, from)) return undefined;
  return {
    ok: false,
    reason: Reasons.notAllowed,
    message: `Namespace ${namespace} does not exist, or does not allow VMClones of namespace ${from} to create VirtualMachines there. Correct spec.target.namespace, or ask its owner to annotate the Namespace with ${ALLOW_FROM}: ${from}`,
    early: annotations === 'unread',
  };
}

const notReadable = (namespace: string): Refusal => ({
  ok: false,
  reason: Reasons.namespaceNotWatched,
  message: `spec.target.namespace is ${namespace}. An operator with --watch-namespace cannot read whether a Namespace allows that, so a VMClone makes VirtualMachines in its own namespace only. Remove spec.target.namespace, and create the VMClone in ${namespace}.`,
});

/** Another object has the name. It is never taken over. */
export function nameTaken(
  clone: VMClone,
  target: Place,
  { vms }: Pick<VMClonePorts, 'vms'>,
): Refusal | undefined {
  const { namespace, name } = target;
  if (!vms.partial(namespace, name)) return undefined;
  return {
    ok: false,
    reason: 'NameTaken',
    final: true,
    message: `VirtualMachine ${namespace}/${name} exists, and was not made by VMClone ${clone.metadata.name}. Set another spec.target.name, or delete that VirtualMachine: the copy is made once the name is free.`,
  };
}
