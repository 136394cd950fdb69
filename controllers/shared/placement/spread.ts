/** Spreads VMs over nodes or zones, as topologySpread of a placement policy says. */
import type { PlacementTerm, VMPlacementPolicySpec } from '../../../src/api/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import { selecting } from '../objects/label-selector.ts';
import type { Change } from './meant.ts';
import type { Check, Peer, Score, Subject, TermFacts, TopologyKey } from './rule-facts.ts';
import { domainOf, domainsOf, NO_ZONE, selected } from './terms.ts';

/** What one VM too many in a place counts, next to preferences of 1 to 100. */
const SKEW_WEIGHT = 10;
const MAX_SKEW = 10_000;

/** Spreading is among the VMs of its namespace. */
const OF_THE_POLICY: PlacementTerm = {};

type SpreadRule = NonNullable<VMPlacementPolicySpec['topologySpread']>[number];

export interface Spread {
  readonly topologyKey: TopologyKey;
  readonly maxSkew: number;
  readonly change: Change;
  /** How many more than the fewest there would be with the VM. `undefined`: the node is in no zone. */
  readonly skewFor: (subject: Subject) => (node: NodeName) => number | undefined;
}

export const spreads = (when: SpreadRule['whenUnsatisfiable'], facts: TermFacts): readonly Spread[] =>
  (facts.rules.topologySpread ?? [])
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === when)
    .map((rule) => spreadBy(rule, facts));

function spreadBy({ topologyKey, maxSkew, labelSelector }: SpreadRule, facts: TermFacts): Spread {
  const isSelected = selecting(labelSelector);
  const isCounted = ({ uid, namespace, labels }: Peer): boolean =>
    uid !== undefined && facts.inScope(OF_THE_POLICY, namespace, facts.home) && isSelected(labels);
  const counted = countIn(topologyKey, facts);
  return {
    topologyKey,
    maxSkew,
    change(before, after) {
      if (before && isCounted(before)) counted.add(before, -1);
      if (after && isCounted(after)) counted.add(after, 1);
    },
    skewFor(subject) {
      const counts = counted.without(subject);
      const fewest = Math.min(...counts.values(), Infinity);
      const itself = Number(isSelected(subject.labels));
      return (node) => {
        const domain = domainOf(node, topologyKey, facts);
        return domain === undefined ? undefined : (counts.get(domain) ?? 0) + itself - fewest;
      };
    },
  };
}

/** Also 0, for the nodes and zones that VMs could be placed on. */
function countIn(topologyKey: TopologyKey, facts: TermFacts) {
  const isSelected = selected(facts.rules.nodeSelector);
  const nodes = facts.eligible.filter((node) => isSelected(node) === undefined);
  const counts = new Map(
    nodes.flatMap((node) => domainOf(node, topologyKey, facts) ?? []).map((key) => [key, 0]),
  );
  const byUid = new Map<string | undefined, Peer>();
  const addTo = (to: Map<string, number>, peer: Peer, amount: number): void => {
    for (const domain of domainsOf(peer, topologyKey, facts)) {
      const count = to.get(domain);
      if (count !== undefined) to.set(domain, count + amount);
    }
  };
  return {
    add(peer: Peer, amount: 1 | -1): void {
      addTo(counts, peer, amount);
      if (amount > 0) byUid.set(peer.uid, peer);
      else byUid.delete(peer.uid);
    },
    without({ uid }: Subject): ReadonlyMap<string, number> {
      const own = byUid.get(uid);
      if (!own) return counts;
      const others = new Map(counts);
      addTo(others, own, -1);
      return others;
    },
  };
}

export const evenly =
  ({ topologyKey, maxSkew, skewFor }: Spread) =>
  (subject: Subject): Check => {
    const skewOn = skewFor(subject);
    return (node) => {
      const skew = skewOn(node);
      if (skew === undefined) return NO_ZONE;
      return skew <= maxSkew
        ? undefined
        : `with this VM it would have ${skew} more than another ${topologyKey}, and topologySpread allows ${maxSkew}`;
    };
  };

export const asEvenAsPossible =
  ({ skewFor }: Spread) =>
  (subject: Subject): Score => {
    const skewOn = skewFor(subject);
    return (node) => -SKEW_WEIGHT * Math.max(0, skewOn(node) ?? MAX_SKEW);
  };
