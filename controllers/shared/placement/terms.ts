/** Whom a term of a placement policy means, and where these are. Pure. */
import type { PlacementTerm } from '../../../src/api/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import { selecting } from '../objects/label-selector.ts';
import type { Check, InScope, Peer, Places, Subject, TopologyKey } from './rule-facts.ts';

/** Proxmox VE keeps tags in lower case, unless its option `tag-style` says otherwise: either way they mean the same here. */
export const tagsInPve = (tags: readonly string[] = []): readonly string[] =>
  tags.map((tag) => tag.toLowerCase());

/** Whether a term means a guest. Labels are those of VirtualMachines, so a guest that has none lacks no label. */
export function meaning({ key, operator, values, pveTags }: PlacementTerm): (guest: Guest) => boolean {
  if (pveTags) {
    const wanted = tagsInPve(pveTags);
    return ({ tags }) => wanted.some((tag) => tags.includes(tag));
  }
  if (key === undefined || operator === undefined) return () => false;
  const isSelected = selecting({ matchExpressions: [{ key, operator, ...(values && { values }) }] });
  return ({ uid, labels }) => uid !== undefined && isSelected(labels);
}

/** The same for those in the namespaces that the term is about. */
export function meaningIn(term: PlacementTerm, home: string, inScope: InScope): (guest: Guest) => boolean {
  const isMeant = meaning(term);
  return (guest) => isMeant(guest) && inScope(term, guest.namespace, home);
}

type Guest = Pick<Peer, 'uid' | 'namespace' | 'labels' | 'tags'>;

/** As it is written in a manifest: `vm.type In database`. */
export const printTerm = ({ key, operator, values = [], pveTags }: PlacementTerm): string =>
  pveTags ? `tag ${pveTags.join(' or ')}` : `${key ?? ''} ${operator ?? ''} ${values.join(', ')}`.trim();

/** The node itself, or its zone. */
export const domainOf = (
  node: NodeName,
  key: TopologyKey | undefined,
  { zoneOf }: Places,
): string | undefined => (key === 'zone' ? zoneOf(node) : node);

/** Each once. */
export const domainsOf = (
  { nodes }: Peer,
  key: TopologyKey | undefined,
  places: Places,
): readonly string[] =>
  key === 'zone' ? [...new Set(nodes.flatMap((node) => places.zoneOf(node) ?? []))] : nodes;

export const isOther =
  (subject: Subject) =>
  ({ uid }: Peer): boolean =>
    uid === undefined || uid !== subject.uid;

export const placeIn = (topologyKey: TopologyKey = 'node'): string =>
  topologyKey === 'node' ? 'on it' : 'in its zone';

export const NO_ZONE = 'in no zone of the Provider (spec.zones)';

export const selected =
  (nodeSelector: readonly NodeName[] = []): Check =>
  (node) =>
    nodeSelector.length === 0 || nodeSelector.includes(node)
      ? undefined
      : 'not in the node selector of the placement policy';
