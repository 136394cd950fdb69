/** What is known of the HA rules with one Provider, what is to be done, and what status says of it. Only reads. */
import type { VMPlacementPolicy } from '../../../src/api/index.ts';
import { readable } from '../../../src/lib/readable.ts';
import { PveError } from '../../../src/pve/index.ts';
import type { EventNote } from '../../../src/runtime/controller.ts';
import { lackOfHaRules } from '../../shared/cluster/ha-rules.ts';
import { forbiddenMessage } from '../../shared/errors/outcome-of.ts';
import { warning } from '../../shared/errors/event.ts';
import type { RuleMemory } from './memory.ts';
import type { HaRuleEntry, RuleOwner } from './naming.ts';
import {
  allowedNodes,
  guestsOf,
  reach,
  ruleVms,
  type Place,
  type PlacePorts,
  type Reached,
} from './places.ts';
import { planRules, type Change, type PlannedRule, type RuleFacts } from './plan.ts';
import type { HaFacts, HaRounds } from './rounds.ts';
import { beyondRules } from './wanted.ts';

export interface LookPorts extends PlacePorts {
  readonly clusterId: string;
  readonly rounds: HaRounds;
  readonly memory: RuleMemory;
}

/** A change that may be made, and where. */
export interface Due {
  readonly place: Place;
  readonly reached: Reached;
  readonly rule: PlannedRule;
  readonly change: Change;
}

export interface Look {
  readonly entries: readonly HaRuleEntry[];
  readonly due: readonly Due[];
  /** As sentences: what the rules do not say although the policy does, and what keeps them from it. */
  readonly notes: readonly string[];
  readonly events: readonly EventNote[];
}

const MAX_MESSAGE = 480;
const CONSOLE = 'Sys.Console on /';

interface Subject {
  readonly policy: VMPlacementPolicy;
  readonly place: Place;
  readonly isEnding: boolean;
}

const placeText = ({ provider }: Place): string => `Provider ${provider.namespace}/${provider.name}`;

/** Nothing is known, so what was reported stays. */
const unchanged = ({ before }: Place, notes: readonly string[]): Look => ({
  entries: before,
  due: [],
  notes,
  events: [],
});

/** Nobody can remove the rules, so they are left: a deletion must not wait for ever. */
export function leftBehind(place: Place, why: string): Look {
  const rules = place.before.map(({ rule }) => rule);
  return {
    entries: [],
    due: [],
    notes: [],
    events:
      rules.length === 0
        ? []
        : [
            warning(
              'HARuleLeftBehind',
              `HA rules stay in Proxmox VE, because ${why}: ${rules.join(', ')} of ${placeText(place)}. If nothing else needs them, remove each with "ha-manager rules remove RULE" on a node.`,
            ),
          ],
  };
}

export async function look(subject: Subject, ports: LookPorts): Promise<Look> {
  const { place } = subject;
  const reached = reach(place, ports);
  if (isGone(subject, reached, ports)) {
    for (const { rule } of place.before) ports.memory.forget(rule);
    return leftBehind(place, 'the Provider is gone');
  }
  if (!reached)
    return unchanged(place, [
      `${placeText(place)} is not connected to Proxmox VE, so its HA rules are not known.`,
    ]);
  const releases = [...(reached.connection.versions?.releases.values() ?? [])];
  if (releases.length === 0) return unchanged(place, []);
  const lack = lackOfHaRules(releases);
  if (lack !== undefined) return { ...unchanged(place, [`${placeText(place)}: ${lack}`]), entries: [] };
  try {
    return lookAt(subject, reached, { ...ports, facts: await ports.rounds.recent(reached.connection.pve) });
  } catch (error) {
    if (error instanceof PveError) return unread(error, subject);
    throw error;
  }
}

/** A Provider of a namespace that this operator does not watch may exist. */
function isGone(
  { place: { object, provider }, isEnding }: Subject,
  reached: Reached | undefined,
  { providers }: LookPorts,
): boolean {
  if (!object) return providers.covers?.(provider.namespace) !== false;
  return isEnding && !reached && object.metadata.deletionTimestamp !== undefined;
}

function unread(error: PveError, { place, isEnding }: Subject): Look {
  const isForbidden = error.refusal === 'forbidden';
  if (isForbidden && isEnding) return leftBehind(place, 'the credentials of the Provider may not read them');
  const message = isForbidden ? forbiddenMessage(error) : error.message;
  return unchanged(place, [`${placeText(place)}: ${message}`]);
}

export const ownerOf = (
  { metadata: { namespace, name, uid } }: VMPlacementPolicy,
  { provider }: Place,
  clusterId: string,
): RuleOwner => ({ clusterId, policy: { namespace, name, uid }, provider });

/** `undefined`: it is not known whether the policy may use the Provider. */
export function factsOf(
  { policy, place }: Pick<Subject, 'policy' | 'place'>,
  reached: Reached,
  { clusterId, namespaces, facts }: Pick<LookPorts, 'clusterId' | 'namespaces'> & { readonly facts: HaFacts },
): RuleFacts | undefined {
  const allowed = allowedNodes(place, policy, { ...reached, namespaces });
  if (!allowed && place.manages) return undefined;
  return {
    owner: ownerOf(policy, place, clusterId),
    spec: policy.spec,
    manages: place.manages,
    vms: ruleVms(guestsOf(place, reached), policy.metadata.namespace, reached),
    nodes: reached.view.nodes.map(({ name }) => name),
    allowed: allowed?.nodes,
    ...facts,
  };
}

function lookAt(subject: Subject, reached: Reached, ports: LookPorts & { readonly facts: HaFacts }): Look {
  const { place, policy } = subject;
  const facts = factsOf(subject, reached, ports);
  if (!facts) return unchanged(place, []);
  const planned = planRules(facts);
  const mayWrite = !place.manages || place.object?.status?.missingPrivileges?.includes(CONSOLE) !== true;
  const entries = [
    ...planned.flatMap((rule) => entryOf(rule, subject, ports)),
    ...vanished(place, planned, ports),
  ];
  const due = planned.flatMap((rule): Due[] => {
    const { change } = rule;
    const isAnnounced = place.before.some((entry) => entry.rule === rule.rule);
    const isReady = change !== undefined && (change.kind !== 'create' || isAnnounced);
    const mayTry = isReady && ports.memory.refused(rule.rule, keyOf(change)) === undefined;
    return mayTry && (mayWrite || change.kind === 'remove') ? [{ place, reached, rule, change }] : [];
  });
  const waits = planned.some(({ change }) => change && change.kind !== 'remove') && !mayWrite;
  return {
    entries,
    due,
    notes: [...notesOn(place, planned, policy, ports), ...(waits ? [lacking(place)] : [])],
    events: [],
  };
}

const lacking = (place: Place): string =>
  `${placeText(place)}: its credentials lack the privilege ${CONSOLE}, so its HA rules are not written. Grant it, or remove ha.rules from the spec of the Provider.`;

/** What is tried, without what changes at each read. */
export function keyOf(change: Change): string {
  return change.kind === 'remove' ? change.kind : JSON.stringify([change.kind, change.settings]);
}

/** Also a rule that is about to be created: once status names it, a process that ends here leaves no rule behind. */
function entryOf(
  { type, rule, actual, change, notes }: PlannedRule,
  { place }: Subject,
  { memory }: LookPorts,
): readonly HaRuleEntry[] {
  if (actual) memory.settle(rule);
  else if (change?.kind !== 'create') return [];
  else if (!place.before.some((entry) => entry.rule === rule)) memory.settle(rule);
  const refusal = change && memory.lastRefusal(rule);
  const text = sentenceOf([...notes, ...(refusal === undefined ? [] : [refusal])]);
  return [
    {
      providerRef: { name: place.provider.name, namespace: place.provider.namespace },
      type,
      rule,
      members: actual?.members.length ?? 0,
      ...(text !== undefined && { message: readable(text, MAX_MESSAGE) }),
    },
  ];
}

function sentenceOf(clauses: readonly string[]): string | undefined {
  if (clauses.length === 0) return undefined;
  const text = clauses.join('; ');
  const capital = `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

/** Rules that Proxmox VE does not have and that are not to be. A lost request may still create one. */
function vanished(
  { before }: Place,
  planned: readonly PlannedRule[],
  { memory }: LookPorts,
): readonly HaRuleEntry[] {
  const isKnown = ({ rule }: HaRuleEntry): boolean =>
    planned.some((each) => each.rule === rule && (each.actual !== undefined || each.change !== undefined));
  return before.flatMap(({ message: _message, ...entry }): HaRuleEntry[] => {
    if (isKnown(entry)) return [];
    if (memory.mayStillAppear(entry.rule))
      return [
        {
          ...entry,
          members: 0,
          message: 'Proxmox VE does not have the rule, but a request for it may still be under way.',
        },
      ];
    memory.forget(entry.rule);
    return [];
  });
}

function notesOn(
  place: Place,
  planned: readonly PlannedRule[],
  { spec }: VMPlacementPolicy,
  { memory }: LookPorts,
): readonly string[] {
  if (!place.manages) return [];
  const beyond = beyondRules(spec);
  const clauses = planned.flatMap(({ type, rule, notes, change }) => {
    const refusal = change && memory.lastRefusal(rule);
    const all = [...notes, ...(refusal === undefined ? [] : [refusal])];
    return all.length === 0 ? [] : [`${type}: ${all.join('; ')}`];
  });
  return [
    ...(beyond.length > 0
      ? [`HA rules cannot say ${beyond.join(', ')}, which count only when a VM is placed.`]
      : []),
    ...(clauses.length > 0 ? [sentenceOf([`${placeText(place)}: ${clauses.join('; ')}`]) ?? ''] : []),
  ];
}
