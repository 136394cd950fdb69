/** What a placement policy says of nodes: which ones it rejects, and which it prefers. Pure: equal facts give equal results. */
import type { PlacementTerm } from '../../../src/api/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import type { Check, Peer, Places, RuleFacts, Score, Subject, TopologyKey } from './rule-facts.ts';
import { asEvenAsPossible, evenly, spreads } from './spread.ts';
import { domainOf, domainsOf, isOther, meaning, NO_ZONE, printTerm, selected } from './terms.ts';

export interface Judgement {
  /** Why the policy excludes a node, as a clause. */
  readonly rejected: (node: NodeName) => string | undefined;
  /** Higher is better; 0 without preferences. */
  readonly score: (node: NodeName) => number;
}

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

function first(checks: readonly Check[], node: NodeName): string | undefined {
  for (const check of checks) {
    const clause = check(node);
    if (clause !== undefined) return clause;
  }
  return undefined;
}

/** By node or zone, two of those that are there: one of them may be the subject itself. */
function whereMeant(
  term: PlacementTerm,
  { peers, ...places }: Pick<RuleFacts, 'peers'> & Places,
): ReadonlyMap<string, readonly Peer[]> {
  const found = new Map<string, Peer[]>();
  const isMeant = meaning(term);
  for (const peer of peers.filter(isMeant))
    for (const domain of domainsOf(peer, term.topologyKey, places)) {
      const there = found.get(domain) ?? [];
      if (there.length < 2) found.set(domain, [...there, peer]);
    }
  return found;
}

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
  const isMeant = meaning(term);
  return (subject) => {
    const isThere = isOther(subject);
    // Otherwise the first of a group could never be made, as in kube-scheduler.
    const isFirst = isMeant(subject) && !anywhere.some(isThere);
    return (node) => {
      const domain = domainOf(node, term.topologyKey, facts);
      if (domain === undefined) return NO_ZONE;
      return isFirst || meant.get(domain)?.some(isThere) === true
        ? undefined
        : `no VM that affinity requires is ${placeIn(term.topologyKey)} (${printTerm(term)})`;
    };
  };
}

/** Rules are symmetric: what keeps away from the VM is kept away from. */
function keptApart(subject: Subject, facts: RuleFacts): Check {
  const there = { node: new Map<string, Peer>(), zone: new Map<string, Peer>() };
  const isMeant = once((term: PlacementTerm) => meaning(term)(subject));
  for (const peer of facts.around.filter(isOther(subject)))
    for (const term of peer.antiAffinity ?? []) {
      if (!isMeant(term)) continue;
      const { topologyKey = 'node' } = term;
      for (const domain of domainsOf(peer, topologyKey, facts)) there[topologyKey].set(domain, peer);
    }
  return (node) => {
    for (const key of ['node', 'zone'] as const) {
      const domain = domainOf(node, key, facts);
      const peer = domain === undefined ? undefined : there[key].get(domain);
      if (peer) return `${peer.text} is ${placeIn(key)}, and its policy keeps this VM away from it`;
    }
    return undefined;
  };
}

/** The VMs of a policy share its terms: each is asked once. */
function once<K extends object, V>(of: (key: K) => V): (key: K) => V {
  const known = new Map<K, { readonly value: V }>();
  return (key) => {
    const found = known.get(key) ?? { value: of(key) };
    known.set(key, found);
    return found.value;
  };
}

function preferred(weight: number, term: PlacementTerm, facts: RuleFacts): (subject: Subject) => Score {
  const meant = whereMeant(term, facts);
  return (subject) => (node) => {
    const domain = domainOf(node, term.topologyKey, facts);
    return domain !== undefined && meant.get(domain)?.some(isOther(subject)) === true ? weight : 0;
  };
}
