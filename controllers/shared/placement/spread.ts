/** Spreads VMs over nodes or zones, as topologySpread of a placement policy says. Pure. */
import type { NodeName } from '../../../src/lib/units.ts';
import { selecting } from '../objects/label-selector.ts';
import type { Check, Peer, RuleFacts, Score, Subject, TopologyKey } from './rule-facts.ts';
import { domainOf, domainsOf, NO_ZONE, selected } from './terms.ts';

/** What one VM too many in a place counts, next to preferences of 1 to 100. */
const SKEW_WEIGHT = 10;
const MAX_SKEW = 10_000;

export interface Spread {
  readonly topologyKey: TopologyKey;
  readonly maxSkew: number;
  /** How many more than the fewest there would be with the VM. `undefined`: the node is in no zone. */
  readonly skewOn: (subject: Subject, node: NodeName) => number | undefined;
}

export const spreads = (when: 'DoNotSchedule' | 'ScheduleAnyway', facts: RuleFacts): readonly Spread[] =>
  (facts.rules.topologySpread ?? [])
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === when)
    .map(({ topologyKey, maxSkew, labelSelector }) => {
      const isSelected = selecting(labelSelector);
      const counted = facts.peers.filter(({ uid, labels }) => uid !== undefined && isSelected(labels));
      const countsFor = countsOf(topologyKey, counted, facts);
      const skewOn = (subject: Subject, node: NodeName): number | undefined => {
        const domain = domainOf(node, topologyKey, facts);
        if (domain === undefined) return undefined;
        const counts = countsFor(subject);
        const itself = Number(isSelected(subject.labels));
        return (counts.get(domain) ?? 0) + itself - Math.min(...counts.values(), Infinity);
      };
      return { topologyKey, maxSkew, skewOn };
    });

/** Without the subject. Also 0, for the nodes and zones that VMs could be placed on. */
function countsOf(
  topologyKey: TopologyKey,
  counted: readonly Peer[],
  facts: RuleFacts,
): (subject: Subject) => ReadonlyMap<string, number> {
  const isSelected = selected(facts.rules.nodeSelector);
  const nodes = facts.eligible.filter((node) => isSelected(node) === undefined);
  const counts = new Map(
    nodes.flatMap((node) => domainOf(node, topologyKey, facts) ?? []).map((key) => [key, 0]),
  );
  const byUid = new Map(counted.map((peer) => [peer.uid, domainsOf(peer, topologyKey, facts)]));
  const add = (to: Map<string, number>, domains: readonly string[], amount: number): void => {
    for (const domain of domains) {
      const count = to.get(domain);
      if (count !== undefined) to.set(domain, count + amount);
    }
  };
  for (const domains of byUid.values()) add(counts, domains, 1);
  return ({ uid }) => {
    const own = byUid.get(uid);
    if (!own) return counts;
    const others = new Map(counts);
    add(others, own, -1);
    return others;
  };
}

export const evenly =
  ({ topologyKey, maxSkew, skewOn }: Spread) =>
  (subject: Subject): Check =>
  (node) => {
    const skew = skewOn(subject, node);
    if (skew === undefined) return NO_ZONE;
    return skew <= maxSkew
      ? undefined
      : `with this VM it would have ${skew} more than another ${topologyKey}, and topologySpread allows ${maxSkew}`;
  };

export const asEvenAsPossible =
  ({ skewOn }: Spread) =>
  (subject: Subject): Score =>
  (node) =>
    -SKEW_WEIGHT * Math.max(0, skewOn(subject, node) ?? MAX_SKEW);
