/** Which placement policy applies to a VM. Pure. */
import type { Provider, VirtualMachine, VMPlacementPolicy } from '../../../src/api/index.ts';
import type { ObjectReader, Readable } from '../../../src/runtime/controller.ts';

export interface PolicyReference {
  readonly namespace: string;
  readonly name: string;
  /** Where it is written, for people. */
  readonly field: string;
}

export interface PolicyReaders {
  readonly providers: ObjectReader<Provider>;
  readonly policies: ObjectReader<VMPlacementPolicy>;
}

/** Its own, or that of its Provider, which is in the namespace of the Provider. */
export function policyReference(
  { metadata, spec }: Readable<VirtualMachine>,
  { providers }: { readonly providers: Pick<PolicyReaders['providers'], 'partial'> },
): PolicyReference | undefined {
  if (spec.placementRef)
    return { namespace: metadata.namespace, name: spec.placementRef.name, field: 'spec.placementRef' };
  const namespace = spec.providerRef?.namespace ?? metadata.namespace;
  const name = spec.providerRef?.name;
  const usual =
    name === undefined ? undefined : providers.partial(namespace, name)?.spec.defaults?.placementRef;
  return usual && { namespace, name: usual.name, field: 'spec.defaults.placementRef of the Provider' };
}

/** `undefined`: none applies, or it cannot be read. */
export function policyOf(
  vm: Readable<VirtualMachine>,
  readers: PolicyReaders,
): VMPlacementPolicy | undefined {
  const reference = policyReference(vm, readers);
  return reference && readers.policies.get(reference.namespace, reference.name);
}
