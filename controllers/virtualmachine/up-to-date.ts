/**
 * Provider, class, image, source and placement policy as the API server has them, before a VMID is reserved. Each kind has a watch of its own, so
 * that a VM may be seen before a change of its Provider that was made first; whoever applies both means them together.
 */
import type {
  Provider,
  VirtualMachine,
  VMClass,
  VMImage,
  VMPlacementPolicy,
  VMSnapshot,
} from '../../src/api/index.ts';
import { millis, seconds } from '../../src/lib/units.ts';
import type { ObjectReader } from '../../src/runtime/controller.ts';
import { unchanged, within } from '../../src/runtime/outcome.ts';
import type { Connections } from '../shared/cluster/connections.ts';
import type { Reference } from '../shared/objects/references.ts';
import { policyReference, type PolicyReaders } from '../shared/placement/policies.ts';
import type { Decision } from './model/decision.ts';
import type { VmResult } from './report/outcome.ts';
import { unresolved } from './report/unresolved.ts';
import { notReady } from '../shared/cluster/reach.ts';

export type ReferencedKind =
  'Provider' | 'VMClass' | 'VMImage' | 'VirtualMachine' | 'VMSnapshot' | 'VMPlacementPolicy';

export interface UpToDatePorts {
  readonly providers: ObjectReader<Provider>;
  readonly classes: ObjectReader<VMClass>;
  readonly images: ObjectReader<VMImage>;
  readonly vms: ObjectReader<VirtualMachine>;
  readonly snapshots: ObjectReader<VMSnapshot>;
  readonly policies: ObjectReader<VMPlacementPolicy>;
  readonly connections: Connections;
  /** Reads the object from the API server; the readers have it then. */
  readonly readAgain: (
    kind: ReferencedKind,
    at: { readonly namespace: string; readonly name: string },
    signal: AbortSignal,
  ) => Promise<void>;
}

/** Its Provider's pass comes first, and takes as long as Kubernetes needs for a write. */
const SOON = millis(100);
const LATER = seconds(2);

export interface Versions {
  /** That the decision was made on. */
  readonly vm: VirtualMachine;
  /** That the API server has. */
  readonly fresh: VirtualMachine;
  /** What `versionsOf` said when it was decided. */
  readonly decidedOn: string;
}

/**
 * `outdated`: it was decided on something that has changed, and is to be decided again. A result: the Provider's
 * connection is not that of its spec yet. `undefined`: nothing has changed.
 */
export async function beforeActing(
  { vm, fresh, decidedOn }: Versions,
  { next, seen }: Decision,
  ports: UpToDatePorts,
  signal: AbortSignal,
): Promise<'outdated' | VmResult | undefined> {
  if (vm.metadata.resourceVersion !== fresh.metadata.resourceVersion) return 'outdated';
  if (next.kind !== 'act' || next.step.do !== 'reserve' || !seen) return undefined;
  await Promise.all(referencesOf(vm, ports).map(({ kind, at }) => ports.readAgain(kind, at, signal)));
  if (decidedOn !== versionsOf(vm, ports)) return 'outdated';
  return untilConnected(vm, ports);
}

function untilConnected(vm: VirtualMachine, { providers, connections }: UpToDatePorts): VmResult | undefined {
  const { namespace, name } = placeOf(vm, vm.spec.providerRef);
  const provider = providers.get(namespace, name);
  const connectedAt = connections.get(namespace, name)?.generation;
  if (!provider || connectedAt === undefined || connectedAt === provider.metadata.generation)
    return undefined;
  const isTried = provider.status?.observedGeneration === provider.metadata.generation;
  if (!isTried) return { outcome: unchanged(SOON), status: vm.status ?? {} };
  const result = unresolved(vm, notReady(provider, connections, vm.metadata.namespace));
  return { ...result, outcome: within(result.outcome, LATER) };
}

const placeOf = ({ metadata }: VirtualMachine, { name, namespace = metadata.namespace }: Reference) => ({
  namespace,
  name,
});

const referencesOf = (vm: VirtualMachine, ports: Pick<PolicyReaders, 'providers'>) => {
  const { providerRef, classRef, imageRef, cdroms = [], cloneFrom: { vmRef, snapshotRef } = {} } = vm.spec;
  const policy = policyReference(vm, ports);
  return [
    { kind: 'Provider', at: placeOf(vm, providerRef) } as const,
    { kind: 'VMClass', at: placeOf(vm, classRef) } as const,
    ...(imageRef ? [{ kind: 'VMImage', at: placeOf(vm, imageRef) } as const] : []),
    ...(vmRef ? [{ kind: 'VirtualMachine', at: placeOf(vm, vmRef) } as const] : []),
    ...(snapshotRef ? [{ kind: 'VMSnapshot', at: placeOf(vm, snapshotRef) } as const] : []),
    ...cdroms.map((cdrom) => ({ kind: 'VMImage', at: placeOf(vm, cdrom.imageRef) }) as const),
    ...(policy
      ? [{ kind: 'VMPlacementPolicy', at: { namespace: policy.namespace, name: policy.name } } as const]
      : []),
  ];
};

type Metadata = VirtualMachine['metadata'];

const versionOf = ({ uid, resourceVersion }: Metadata): string => `${uid} ${resourceVersion}`;

/** What a policy reports changes with each of its VMs. */
const rulesVersionOf = ({ uid, generation, deletionTimestamp = '' }: Metadata): string =>
  `${uid} ${generation} ${deletionTimestamp}`;

/** Of all that a VM refers to, as the readers have it. */
export function versionsOf(
  vm: VirtualMachine,
  ports: Omit<UpToDatePorts, 'connections' | 'readAgain'>,
): string {
  const { providers, classes, images, vms, snapshots, policies } = ports;
  const readers = {
    ...{ Provider: providers, VMClass: classes, VMImage: images },
    ...{ VirtualMachine: vms, VMSnapshot: snapshots, VMPlacementPolicy: policies },
  };
  return referencesOf(vm, ports)
    .map(({ kind, at }) => {
      const metadata = readers[kind].partial(at.namespace, at.name)?.metadata;
      return metadata && (kind === 'VMPlacementPolicy' ? rulesVersionOf : versionOf)(metadata);
    })
    .join();
}
