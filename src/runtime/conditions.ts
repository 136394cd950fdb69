/**
 * Conditions as kstatus reads them: Ready is always there; Reconciling and Stalled are there only while they
 * are true, so that their absence means health; every condition has the generation that it was observed for. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import type { DomainCondition } from './controller.ts';
import { truncate } from './message.ts';
import type { Outcome, Reason } from './outcome.ts';

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration: number;
}

/** Everything that the conditions of an object are derived from. */
export interface ConditionInputs {
  readonly outcome: Outcome;
  /** `'unknown'`: the pass ended before they were determined, so the previous ones stay. */
  readonly domain: readonly DomainCondition[] | 'unknown';
  readonly previous: readonly Condition[];
  readonly generation: number;
  readonly deleting: boolean;
  readonly now: Date;
}

type Claim = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

const ENGINE_TYPES: ReadonlySet<string> = new Set(['Ready', 'Reconciling', 'Stalled']);

/** The conditions after this pass: Ready, Reconciling, Stalled, then the controller's own in its order. */
export function conditionsOf(inputs: ConditionInputs): readonly Condition[] {
  const { outcome, domain, previous, generation, deleting, now } = inputs;
  const known = domain === 'unknown' ? [] : domain;
  const apart = known.find(({ type, status }) => type === 'Synced' && status === 'False');
  const current = [...engineClaims(outcome, { deleting, apart: apart?.message }), ...known].map((claim) =>
    dated(claim, previous, generation, now),
  );
  const kept = domain === 'unknown' ? previous.filter(({ type }) => !ENGINE_TYPES.has(type)) : [];
  return [...current, ...kept];
}

/** Whether the type, status or reason of Ready, Reconciling or Stalled changed. */
export function isTransition(previous: readonly Condition[], next: readonly Condition[]): boolean {
  const summary = (conditions: readonly Condition[]): readonly unknown[] =>
    conditions
      .filter(({ type }) => ENGINE_TYPES.has(type))
      .map(({ type, status, reason }) => ({ type, status, reason }));
  return !isDeepStrictEqual(summary(previous), summary(next));
}

const because = (outcome: Outcome): Reason | undefined =>
  outcome.kind === 'settled' ? outcome.because : undefined;

const FULFILLED = 'The spec is fulfilled.';
/** What people read is this condition alone. */
const butFor = (apart: string): string =>
  `Nothing is left to be done now, but not all of the spec is in effect. ${apart}`;

/** @param apart what of the spec is not in effect, which is no reason not to be ready */
function engineClaims(
  outcome: Outcome,
  { deleting, apart }: { readonly deleting: boolean; readonly apart: string | undefined },
): readonly Claim[] {
  switch (outcome.kind) {
    case 'settled':
    case 'released':
      return deleting
        ? busy('Deleting', 'The object is being deleted.', deleting)
        : [
            {
              type: 'Ready',
              status: 'True',
              ...(because(outcome) ?? { reason: 'Reconciled', message: FULFILLED }),
              ...(apart !== undefined && { message: butFor(apart) }),
            },
          ];
    case 'progressed':
    case 'waiting':
    case 'retry':
      return busy(outcome.reason, outcome.message, deleting);
    case 'unchanged':
      // It is not reported.
      return [];
    case 'suspended':
      return [{ ...notReady(outcome.reason, outcome.message, deleting), status: outcome.ready }];
    case 'stalled':
      return [notReady(outcome.reason, outcome.message, deleting), abnormal('Stalled', outcome)];
  }
}

const busy = (reason: string, message: string, deleting: boolean): readonly Claim[] => [
  notReady(reason, message, deleting),
  abnormal('Reconciling', { reason, message }),
];

// While an object is being deleted, that alone is why it is not ready; the message says what delays it.
const notReady = (reason: string, message: string, deleting: boolean): Claim => ({
  type: 'Ready',
  status: 'False',
  reason: deleting ? 'Deleting' : reason,
  message,
});

const abnormal = (type: string, { reason, message }: Pick<Claim, 'reason' | 'message'>): Claim => ({
  type,
  status: 'True',
  reason,
  message,
});

function dated(claim: Claim, previous: readonly Condition[], generation: number, now: Date): Condition {
  const before = previous.find(({ type }) => type === claim.type);
  return {
    type: claim.type,
    status: claim.status,
    reason: claim.reason,
    message: truncate(claim.message),
    lastTransitionTime: before?.status === claim.status ? before.lastTransitionTime : inSeconds(now),
    observedGeneration: generation,
  };
}

/** metav1.Time has no fractions. */
const inSeconds = (time: Date): string => time.toISOString().replace(/\.\d+Z$/, 'Z');
