/** Whom a placement policy counts, and where VMs could be placed otherwise. Pure. */
import type { VirtualMachine, VMPlacementPolicy } from '../../../src/api/index.ts';
import type { View } from '../../../src/pve/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import { isHere, peersIn, strangersIn, type Site } from './peers.ts';
import type { Peer } from './rules.ts';

export interface CountPorts {
  readonly vmsIn: (namespace: string) => readonly Readable<VirtualMachine>[];
}

/**
 * The VMs of its own namespace, and where it names tags, all guests.
 * @param from the namespace of those who read the result
 */
export function countedBy(
  { metadata: { namespace }, spec }: VMPlacementPolicy,
  from: string,
  { site, vmsIn }: CountPorts & { readonly site: Site },
): readonly Peer[] {
  const own = peersIn(vmsIn(namespace), from, site);
  const terms = [
    ...(spec.antiAffinity ?? []),
    ...(spec.affinity ?? []),
    ...[...(spec.preferredAffinity ?? []), ...(spec.preferredAntiAffinity ?? [])].map(({ term }) => term),
  ];
  if (!terms.some(({ pveTags }) => pveTags)) return own;
  const known = vmsIn(namespace)
    .filter((vm) => isHere(vm, site) === true)
    .flatMap(({ status }) => status?.vmid ?? []);
  return [...own, ...strangersIn(site, new Set(known))];
}

export const eligibleIn = ({ nodes }: View, nodeSelector: readonly string[]): readonly NodeName[] =>
  nodes
    .filter(({ online }) => online)
    .map(({ name }) => name)
    .filter((name) => nodeSelector.length === 0 || nodeSelector.includes(name));
