/** Whom a placement policy counts, and where VMs could be placed otherwise. Pure. */
import type {
  PlacementTerm,
  VirtualMachine,
  VMPlacementPolicy,
  VMPlacementPolicySpec,
} from '../../../src/api/index.ts';
import type { View } from '../../../src/pve/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import { strangersIn } from './peers.ts';
import type { Peer } from './rule-facts.ts';
import type { Site } from './site.ts';

export interface CountPorts {
  readonly vmsIn: (namespace: string) => readonly Readable<VirtualMachine>[];
}

/**
 * Those that the terms of a policy mean: the VMs of its own namespace, and where it names tags, all guests.
 * @param own the VMs of its namespace, as `peersIn` has them
 */
export function countedBy(
  { metadata: { namespace }, spec }: Pick<VMPlacementPolicy, 'metadata' | 'spec'>,
  own: readonly Peer[],
  { site, vmsIn }: CountPorts & { readonly site: Site },
): readonly Peer[] {
  if (!meansTags(spec)) return own;
  const known = vmsIn(namespace)
    .filter((vm) => site.isHere(vm) === true)
    .flatMap(({ status }) => status?.vmid ?? []);
  return [...own, ...strangersIn(site, new Set(known)).values()];
}

/** Whether it also means guests that are no VMs. */
export const meansTags = (spec: VMPlacementPolicySpec): boolean =>
  termsOf(spec).some(({ pveTags }) => pveTags);

/** Whether it matters to a policy where other VMs are. */
export const countsOthers = (spec: VMPlacementPolicySpec): boolean =>
  termsOf(spec).length > 0 || (spec.topologySpread ?? []).length > 0;

export const termsOf = ({
  antiAffinity = [],
  affinity = [],
  preferredAffinity = [],
  preferredAntiAffinity = [],
}: VMPlacementPolicySpec): readonly PlacementTerm[] => [
  ...antiAffinity,
  ...affinity,
  ...[...preferredAffinity, ...preferredAntiAffinity].map(({ term }) => term),
];

export const eligibleIn = ({ nodes }: View, nodeSelector: readonly string[]): readonly NodeName[] =>
  nodes
    .filter(({ online }) => online)
    .map(({ name }) => name)
    .filter((name) => nodeSelector.length === 0 || nodeSelector.includes(name));
