/**
 * Keeps the hard rules of a placement policy as HA rules of Proxmox VE, where the Provider asks for it. At most one rule is
 * written in a pass; a rule is named in status before it is created, and the policy is released only without rules.
 */
import {
  MAX_HA_RULES,
  type VMPlacementPolicy,
  type VMPlacementPolicyStatus,
} from '../../../src/api/index.ts';
import { readable } from '../../../src/lib/readable.ts';
import { seconds } from '../../../src/lib/units.ts';
import type { Controller, DomainCondition, Pass, ReconcileResult } from '../../../src/runtime/controller.ts';
import { released, waiting, within } from '../../../src/runtime/outcome.ts';
import { act, type ActPorts } from './act.ts';
import { look, type Due, type Look } from './look.ts';
import { createRuleMemory } from './memory.ts';
import type { HaRuleEntry } from './naming.ts';
import { placesOf, type PlacePorts } from './places.ts';
import type { Change } from './plan.ts';
import { createHaRounds } from './rounds.ts';

export interface HaRulePorts extends PlacePorts {
  readonly clusterId: string;
  /** Epoch ms. */
  readonly now: () => number;
}

type Result = ReconcileResult<VMPlacementPolicyStatus>;
type PolicyController = Controller<VMPlacementPolicy, VMPlacementPolicyStatus>;

/** A policy has a pass every few seconds at most. */
const NEXT_PASS = seconds(5);
const WHILE_ENDING = seconds(2);
const MAX_MESSAGE = 900;

const hasRules = ({ status }: VMPlacementPolicy): boolean => (status?.haRules ?? []).length > 0;

export function withHaRules(controller: PolicyController, ports: HaRulePorts): PolicyController {
  const own: ActPorts = {
    ...ports,
    rounds: createHaRounds(ports.now),
    memory: createRuleMemory(ports.now),
    busy: new Set(),
  };
  return {
    ...controller,
    needsFinalizer: (policy) => hasRules(policy) || (controller.needsFinalizer?.(policy) ?? true),
    async reconcile(policy, pass) {
      const result = await controller.reconcile(policy, pass);
      if (result.outcome.kind === 'unchanged') return result;
      return merged(
        result,
        await keepRules(policy, pass, { isEnding: result.outcome.kind === 'released' }, own),
      );
    },
  };
}

interface Kept extends Pick<Look, 'entries' | 'notes' | 'events'> {
  /** A change was made or announced, so the next pass is due soon. */
  readonly isUnderWay: boolean;
}

const ORDER: Readonly<Record<Change['kind'], number>> = { remove: 0, update: 1, create: 2 };

async function keepRules(
  policy: VMPlacementPolicy,
  pass: Pass<VMPlacementPolicy>,
  { isEnding }: { readonly isEnding: boolean },
  ports: ActPorts,
): Promise<Kept> {
  const looks = await Promise.all(
    placesOf(policy, isEnding, ports).map((place) => look({ policy, place, isEnding }, ports)),
  );
  const all = looks.flatMap((each) => each.entries);
  const isNew = isNewIn(policy);
  // What status names must not be pushed out of it: its rule would stay in Proxmox VE.
  const entries = [...all.filter((entry) => !isNew(entry)), ...all.filter(isNew)].slice(0, MAX_HA_RULES);
  // A rule that another one leaves room for comes after it.
  const [first] = looks
    .flatMap(({ due }): readonly Due[] => due)
    .toSorted((a, b) => ORDER[a.change.kind] - ORDER[b.change.kind]);
  const acted = first && (await act(first, { policy, pass, isEnding }, ports));
  const left = acted?.isLeft === true ? first : undefined;
  return {
    entries: entries.filter((entry) => left?.place.before.every(({ rule }) => rule !== entry.rule) ?? true),
    notes: [...new Set(looks.flatMap(({ notes }) => notes))],
    events: [...looks.flatMap(({ events }) => events), ...(acted?.events ?? [])],
    isUnderWay: first !== undefined || entries.some(isNew),
  };
}

function isNewIn({ status }: VMPlacementPolicy): (entry: HaRuleEntry) => boolean {
  const known = new Set(status?.haRules?.map(({ rule }) => rule));
  return ({ rule }) => !known.has(rule);
}

function merged(result: Result, { entries, notes, events, isUnderWay }: Kept): Result {
  const { haRules: _carried, ...rest } = result.status;
  const isEnding = result.outcome.kind === 'released';
  return {
    ...result,
    outcome: isEnding
      ? endingWith(entries, notes)
      : isUnderWay
        ? within(result.outcome, NEXT_PASS)
        : result.outcome,
    status: { ...rest, ...(entries.length > 0 && { haRules: [...entries] }) },
    conditions: [...(result.conditions ?? []), ...incomplete(isEnding ? [] : notes)],
    events: [...(result.events ?? []), ...events],
  };
}

function endingWith(entries: readonly HaRuleEntry[], notes: readonly string[]): Result['outcome'] {
  if (entries.length === 0) return released;
  const named = entries
    .slice(0, 3)
    .map(({ rule, message }) => (message === undefined ? rule : `${rule} (${message})`));
  const rest = entries.length > named.length ? ` and ${entries.length - named.length} more` : '';
  return waiting(
    'Deleting',
    readable(
      `The policy is deleted once its HA rules are removed from Proxmox VE: ${named.join(', ')}${rest}. ${notes.join(' ')}`,
      MAX_MESSAGE,
    ),
    WHILE_ENDING,
  );
}

function incomplete(notes: readonly string[]): readonly DomainCondition[] {
  if (notes.length === 0) return [];
  const message = readable(notes.join(' '), MAX_MESSAGE);
  return [{ type: 'FieldsIgnored', status: 'True', reason: 'HARulesIncomplete', message }];
}
