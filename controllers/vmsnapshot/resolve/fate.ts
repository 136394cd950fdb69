/** What becomes of the guest of a VirtualMachine that is being deleted, and so of its snapshots. Pure. */
import { FORCE_DELETE, type Provider, type VirtualMachine } from '../../../src/api/index.ts';
import type { ObjectReader, Readable } from '../../../src/runtime/controller.ts';
import { grantInForce, isOutside, type Grant } from '../../shared/grants/grants.ts';
import type { Namespaces } from '../../shared/grants/namespaces.ts';

/** `unknown`: what the Provider grants is not known. */
export type Fate = 'destroyed' | 'stays' | 'unknown';

interface FatePorts {
  readonly providers: ObjectReader<Provider>;
  readonly namespaces: Namespaces;
}

export function fateOf(vm: Readable<VirtualMachine>, ports: FatePorts): Fate {
  if (isToStay(vm)) return 'stays';
  const grant = grantFor(vm, ports);
  if (grant && grant.isWithdrawn !== true)
    return isOutside(grant.deletionPolicies, 'Delete') ? 'stays' : 'destroyed';
  return vm.status?.internal?.preserved === true ? 'stays' : 'unknown';
}

/** Whatever the Provider grants. */
const isToStay = ({ metadata: { annotations }, spec, status }: Readable<VirtualMachine>): boolean =>
  annotations[FORCE_DELETE] === 'true' ||
  spec.managementPolicy === 'ObserveOnly' ||
  (spec.deletionPolicy ?? (status?.adopted ? 'Retain' : 'Delete')) !== 'Delete';

function grantFor(
  { metadata, spec: { providerRef } }: Readable<VirtualMachine>,
  { providers, namespaces }: FatePorts,
): Grant | undefined {
  if (!providerRef) return undefined;
  const { name, namespace = metadata.namespace } = providerRef;
  const provider = providers.partial(namespace, name);
  return grantInForce(provider, { namespace, name }, { namespace: metadata.namespace, namespaces });
}
