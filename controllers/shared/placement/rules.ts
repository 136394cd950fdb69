/** What a placement policy says of nodes: which ones it rejects, and which it prefers. Pure: equal facts give equal results. */
import type { PlacementTerm, VMPlacementPolicySpec } from '../../../src/api/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import { selects } from '../objects/label-selector.ts';

type Labels = Readonly<Record<string, string>>;

/** The VM that a node is judged for. */
export interface Subject {
  readonly uid: string;
  readonly labels: Labels;
  readonly tags: readonly string[];
}

/** A VM that counts, or a guest that no VirtualMachine has. */
export interface Peer {
  /** Of the VirtualMachine. Absent: it has none. */
  readonly uid?: string;
  /** For people: `VirtualMachine web-1`, `VM 104`. */
  readonly text: string;
  readonly labels: Labels;
  readonly tags: readonly string[];
  /** Where it is, and where it is to be. */
  readonly nodes: readonly NodeName[];
  /** What its own policy keeps it apart from. */
  readonly antiAffinity?: readonly PlacementTerm[];
}

export interface RuleFacts {
  readonly rules: VMPlacementPolicySpec;
  /** Those that the terms of the policy mean; the subject may be among them. */
  readonly peers: readonly Peer[];
  /** Those whose own policies may keep the VM apart from them. */
  readonly around: readonly Peer[];
  /** Nodes that could take VMs otherwise: among them VMs are spread. */
  readonly eligible: readonly NodeName[];
  readonly zoneOf: (node: NodeName) => string | undefined;
}

export interface Judgement {
  /** Why the policy excludes a node, as a clause. */
  readonly rejected: (node: NodeName) => string | undefined;
  /** Higher is better; 0 without preferences. */
  readonly score: (node: NodeName) => number;
}

type TopologyKey = 'node' | 'zone';

/** Whether a term means a guest. Labels are those of VirtualMachines, so a guest that has none lacks no label. */
export const means = (
  { key, operator, values, pveTags }: PlacementTerm,
  { uid, labels, tags }: Pick<Peer, 'uid' | 'labels' | 'tags'>,
): boolean =>
  pveTags === undefined
    ? uid !== undefined &&
      key !== undefined &&
      operator !== undefined &&
      selects({ matchExpressions: [{ key, operator, ...(values && { values }) }] }, labels)
    : pveTags.some((tag) => tags.includes(tag.toLowerCase()));

/** As it is written in a manifest: `vm.type In database`. */
const printTerm = ({ key, operator, values = [], pveTags }: PlacementTerm): string =>
  pveTags ? `tag ${pveTags.join(' or ')}` : `${key ?? ''} ${operator ?? ''} ${values.join(', ')}`.trim();

const placeIn = (topologyKey: TopologyKey = 'node'): string =>
  topologyKey === 'node' ? 'on it' : 'in its zone';

/** What is counted is counted here, once for all subjects. */
export function judging(facts: RuleFacts): (subject: Subject) => Judgement {
  const { rules } = facts;
  const hard = [
    ...(rules.antiAffinity ?? []).map((term) => apart(term, facts)),
    ...(rules.affinity ?? []).map((term) => together(term, facts)),
    ...spreads('DoNotSchedule', facts).map(evenly),
  ];
  const soft = [
    ...(rules.preferredAffinity ?? []).map(({ weight, term }) => preferred(weight, term, facts)),
    ...(rules.preferredAntiAffinity ?? []).map(({ weight, term }) => preferred(-weight, term, facts)),
    ...spreads('ScheduleAnyway', facts).map(asEvenAsPossible),
  ];
  const isSelected = selected(rules.nodeSelector);
  return (subject) => {
    const checks = [isSelected, ...hard.map((check) => check(subject)), keptApart(subject, facts)];
    const scores = soft.map((score) => score(subject));
    return {
      rejected: (node) => first(checks, node),
      score: (node) => scores.reduce((sum, score) => sum + score(node), 0),
    };
  };
}

/** What one VM too many in a place counts, next to preferences of 1 to 100. */
const SKEW_WEIGHT = 10;
const MAX_SKEW = 10_000;

type Check = (node: NodeName) => string | undefined;

function first(checks: readonly Check[], node: NodeName): string | undefined {
  for (const check of checks) {
    const clause = check(node);
    if (clause !== undefined) return clause;
  }
  return undefined;
}

const selected =
  (nodeSelector: readonly NodeName[] = []): Check =>
  (node) =>
    nodeSelector.length === 0 || nodeSelector.includes(node)
      ? undefined
      : 'not in the node selector of the placement policy';

type Places = Pick<RuleFacts, 'zoneOf'>;

/** The node itself, or its zone. */
const domainOf = (node: NodeName, key: TopologyKey | undefined, { zoneOf }: Places): string | undefined =>
  key === 'zone' ? zoneOf(node) : node;

/** Each once. */
const domainsOf = ({ nodes }: Peer, key: TopologyKey | undefined, places: Places): readonly string[] => [
  ...new Set(nodes.flatMap((node) => domainOf(node, key, places) ?? [])),
];

/** By node or zone, two of those that are there: one of them may be the subject itself. */
function whereMeant(
  term: PlacementTerm,
  { peers, ...places }: Pick<RuleFacts, 'peers'> & Places,
): ReadonlyMap<string, readonly Peer[]> {
  const found = new Map<string, Peer[]>();
  for (const peer of peers.filter((each) => means(term, each)))
    for (const domain of domainsOf(peer, term.topologyKey, places)) {
      const there = found.get(domain) ?? [];
      if (there.length < 2) found.set(domain, [...there, peer]);
    }
  return found;
}

const isOther =
  (subject: Subject) =>
  ({ uid }: Peer): boolean =>
    uid === undefined || uid !== subject.uid;

const NO_ZONE = 'in no zone of the Provider (spec.zones)';

function apart(term: PlacementTerm, facts: RuleFacts): (subject: Subject) => Check {
  const meant = whereMeant(term, facts);
  return (subject) => (node) => {
    const domain = domainOf(node, term.topologyKey, facts);
    const peer = domain === undefined ? undefined : meant.get(domain)?.find(isOther(subject));
    return (
      peer && `${peer.text} is ${placeIn(term.topologyKey)}, which antiAffinity excludes (${printTerm(term)})`
    );
  };
}

function together(term: PlacementTerm, facts: RuleFacts): (subject: Subject) => Check {
  const meant = whereMeant(term, facts);
  const anywhere = [...meant.values()].flat();
  return (subject) => {
    const isThere = isOther(subject);
    // Otherwise the first of a group could never be made, as in kube-scheduler.
    if (means(term, subject) && !anywhere.some(isThere)) return () => undefined;
    return (node) => {
      const domain = domainOf(node, term.topologyKey, facts);
      if (domain === undefined) return NO_ZONE;
      return meant.get(domain)?.some(isThere) === true
        ? undefined
        : `no VM that affinity requires is ${placeIn(term.topologyKey)} (${printTerm(term)})`;
    };
  };
}

/** Rules are symmetric: what keeps away from the VM is kept away from. */
function keptApart(subject: Subject, facts: RuleFacts): Check {
  const there = { node: new Map<string, Peer>(), zone: new Map<string, Peer>() };
  for (const peer of facts.around.filter(isOther(subject)))
    for (const { topologyKey = 'node' } of (peer.antiAffinity ?? []).filter((term) => means(term, subject)))
      for (const domain of domainsOf(peer, topologyKey, facts)) there[topologyKey].set(domain, peer);
  return (node) => {
    for (const key of ['node', 'zone'] as const) {
      const domain = domainOf(node, key, facts);
      const peer = domain === undefined ? undefined : there[key].get(domain);
      if (peer) return `${peer.text} is ${placeIn(key)}, and its policy keeps this VM away from it`;
    }
    return undefined;
  };
}

interface Spread {
  readonly topologyKey: TopologyKey;
  readonly maxSkew: number;
  /** How many more than the fewest there would be with the VM. `undefined`: the node is in no zone. */
  readonly skewOn: (subject: Subject, node: NodeName) => number | undefined;
}

const spreads = (when: 'DoNotSchedule' | 'ScheduleAnyway', facts: RuleFacts): readonly Spread[] =>
  (facts.rules.topologySpread ?? [])
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === when)
    .map(({ topologyKey, maxSkew, labelSelector }) => {
      const counted = facts.peers.filter(
        ({ uid, labels }) => uid !== undefined && selects(labelSelector, labels),
      );
      const countsFor = countsOf(topologyKey, counted, facts);
      const skewOn = (subject: Subject, node: NodeName): number | undefined => {
        const domain = domainOf(node, topologyKey, facts);
        if (domain === undefined) return undefined;
        const counts = countsFor(subject);
        const itself = Number(selects(labelSelector, subject.labels));
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

const evenly =
  ({ topologyKey, maxSkew, skewOn }: Spread) =>
  (subject: Subject): Check =>
  (node) => {
    const skew = skewOn(subject, node);
    if (skew === undefined) return NO_ZONE;
    return skew <= maxSkew
      ? undefined
      : `with this VM it would have ${skew} more than another ${topologyKey}, and topologySpread allows ${maxSkew}`;
  };

type Score = (node: NodeName) => number;

const asEvenAsPossible =
  ({ skewOn }: Spread) =>
  (subject: Subject): Score =>
  (node) =>
    -SKEW_WEIGHT * Math.max(0, skewOn(subject, node) ?? MAX_SKEW);

function preferred(weight: number, term: PlacementTerm, facts: RuleFacts): (subject: Subject) => Score {
  const meant = whereMeant(term, facts);
  return (subject) => (node) => {
    const domain = domainOf(node, term.topologyKey, facts);
    return domain !== undefined && meant.get(domain)?.some(isOther(subject)) === true ? weight : 0;
  };
}
