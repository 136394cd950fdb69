/** What a placement policy says of nodes: which ones it rejects, and which it prefers. Equal facts give equal results. */
import type { PlacementTerm } from '../../../src/api/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import { keptApart, whereMeant, type Change, type Meant } from './meant.ts';
import type { Check, RuleFacts, Score, Subject, TermFacts } from './rule-facts.ts';
import { asEvenAsPossible, evenly, spreads } from './spread.ts';
import { domainOf, meaning, meaningIn, NO_ZONE, placeIn, printTerm, selected } from './terms.ts';

export interface Judgement {
  /** Why the policy excludes a node, as a clause. */
  readonly rejected: (node: NodeName) => string | undefined;
  /** Higher is better; 0 without preferences. */
  readonly score: (node: NodeName) => number;
}

/** Counts those that matter to a policy as they come and go, once for all subjects. */
export interface Judge {
  /** Of those that the terms of the policy mean. */
  readonly counted: Change;
  /** Of those whose own policies may keep a VM apart from them. */
  readonly around: Change;
  /** As it is at the moment. */
  readonly judge: (subject: Subject) => Judgement;
}

/** For what does not change meanwhile. */
export function judging(facts: RuleFacts): Judge['judge'] {
  const { counted, around, judge } = createJudge(facts);
  for (const peer of facts.peers) counted(undefined, peer);
  for (const peer of facts.around) around(undefined, peer);
  return judge;
}

export function createJudge(facts: TermFacts): Judge {
  const { antiAffinity = [], affinity = [], preferredAffinity = [], ...rules } = facts.rules;
  const { preferredAntiAffinity = [], nodeSelector } = rules;
  const terms = (all: readonly PlacementTerm[]) =>
    all.map((term) => ({ term, meant: whereMeant(term, facts) }));
  const weighted = [
    ...preferredAffinity.map(({ weight, term }) => ({ weight, term, meant: whereMeant(term, facts) })),
    ...preferredAntiAffinity.map(({ weight, term }) => ({
      weight: -weight,
      term,
      meant: whereMeant(term, facts),
    })),
  ];
  const [apartFrom, togetherWith] = [terms(antiAffinity), terms(affinity)];
  const [required, optional] = [spreads('DoNotSchedule', facts), spreads('ScheduleAnyway', facts)];
  const kept = keptApart(facts);
  const counting = [...apartFrom, ...togetherWith, ...weighted].map(({ meant }) => meant);
  const changes = [...counting, ...required, ...optional].map(({ change }) => change);
  const hard = [
    ...apartFrom.map((each) => apart(each, facts)),
    ...togetherWith.map((each) => together(each, facts)),
    ...required.map(evenly),
  ];
  const soft = [...weighted.map((each) => preferred(each, facts)), ...optional.map(asEvenAsPossible)];
  return {
    counted(before, after) {
      for (const change of changes) change(before, after);
    },
    around: kept.change,
    judge(subject) {
      const checks = [selected(nodeSelector), ...hard.map((check) => check(subject)), kept.checkFor(subject)];
      const scores = soft.map((score) => score(subject));
      return {
        rejected: (node) => first(checks, node),
        score: (node) => scores.reduce((sum, score) => sum + score(node), 0),
      };
    },
  };
}

function first(checks: readonly Check[], node: NodeName): string | undefined {
  for (const check of checks) {
    const clause = check(node);
    if (clause !== undefined) return clause;
  }
  return undefined;
}

interface CountedTerm {
  readonly term: PlacementTerm;
  readonly meant: Meant;
}

const apart =
  ({ term, meant }: CountedTerm, facts: TermFacts) =>
  (subject: Subject): Check =>
  (node) => {
    const peer = meant.otherAt(domainOf(node, term.topologyKey, facts), subject);
    return (
      peer && `${peer.text} is ${placeIn(term.topologyKey)}, which antiAffinity excludes (${printTerm(term)})`
    );
  };

function together({ term, meant }: CountedTerm, facts: TermFacts): (subject: Subject) => Check {
  // A policy that is the default of a Provider is for VMs of other namespaces too.
  const isMeant = term.namespaceSelector ? meaningIn(term, facts.home, facts.inScope) : meaning(term);
  return (subject) => {
    // Otherwise the first of a group could never be made, as in kube-scheduler.
    const isFirst = isMeant(subject) && !meant.hasOther(subject);
    return (node) => {
      const domain = domainOf(node, term.topologyKey, facts);
      if (domain === undefined) return NO_ZONE;
      return isFirst || meant.otherAt(domain, subject)
        ? undefined
        : `no VM that affinity requires is ${placeIn(term.topologyKey)} (${printTerm(term)})`;
    };
  };
}

const preferred =
  ({ weight, term, meant }: CountedTerm & { readonly weight: number }, facts: TermFacts) =>
  (subject: Subject): Score =>
  (node) =>
    meant.otherAt(domainOf(node, term.topologyKey, facts), subject) ? weight : 0;
