import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import {
  conditionsOf,
  isTransition,
  type Condition,
  type ConditionInputs,
} from '../../../src/runtime/conditions.ts';
import {
  progressed,
  released,
  retry,
  settled,
  stalled,
  suspended,
  waiting,
  type Outcome,
} from '../../../src/runtime/outcome.ts';

const NOW = new Date('2026-03-01T12:00:00.123Z');
const EARLIER = '2026-02-01T00:00:00Z';

const of = (outcome: Outcome, rest: Partial<ConditionInputs> = {}): readonly Condition[] =>
  conditionsOf({ outcome, domain: [], previous: [], generation: 7, deleting: false, now: NOW, ...rest });

const brief = (conditions: readonly Condition[]) =>
  conditions.map(({ type, status, reason }) => `${type}=${status}/${reason}`);

const outcomes: readonly Outcome[] = [
  settled(),
  progressed('Cloning', 'The disk is being cloned.'),
  waiting('ClassNotFound', 'There is no class "small".'),
  retry('PveUnavailable', 'Proxmox VE does not answer.'),
  stalled('DiskShrink', 'A disk cannot become smaller.'),
  suspended('Unknown', 'Paused', 'Nothing is done.'),
  released,
];

describe('what an outcome says in conditions', () => {
  test('a fulfilled spec is Ready and nothing else', () => {
    expect(brief(of(settled()))).toEqual(['Ready=True/Reconciled']);
  });

  test('the message of Ready does not say that the spec is fulfilled beside a condition that denies it', () => {
    const synced = (status: 'True' | 'False') =>
      conditionsOf({
        outcome: settled(),
        domain: [{ type: 'Synced', status, reason: 'Different', message: 'The disk is smaller.' }],
        previous: [],
        generation: 1,
        deleting: false,
        now: new Date(0),
      })[0]?.message;
    expect(synced('True')).toBe('The spec is fulfilled.');
    expect(synced('False')).toMatch(/not all of the spec is in effect\. The disk is smaller\.$/);
  });

  test.each([
    ['progress', progressed('Cloning', 'm'), 'Cloning'],
    ['waiting', waiting('ClassNotFound', 'm'), 'ClassNotFound'],
    ['trying again', retry('PveUnavailable', 'm'), 'PveUnavailable'],
  ])('%s is not Ready and Reconciling, both with its reason', (_name, outcome, reason) => {
    expect(brief(of(outcome))).toEqual([`Ready=False/${reason}`, `Reconciling=True/${reason}`]);
  });

  test('what only a person can fix is not Ready and Stalled', () => {
    expect(brief(of(stalled('DiskShrink', 'm')))).toEqual([
      'Ready=False/DiskShrink',
      'Stalled=True/DiskShrink',
    ]);
  });

  test('what a person keeps from being done is neither under way nor wrong', () => {
    expect(brief(of(suspended('Unknown', 'Paused', 'm')))).toEqual(['Ready=Unknown/Paused']);
    expect(brief(of(suspended('False', 'ObserveOnly', 'm')))).toEqual(['Ready=False/ObserveOnly']);
  });

  test('an object that is being deleted is not Ready for that reason, and reports what holds it up as well', () => {
    expect(brief(of(waiting('TaskRunning', 'm'), { deleting: true }))).toEqual([
      'Ready=False/Deleting',
      'Reconciling=True/TaskRunning',
    ]);
    expect(brief(of(stalled('NotOurs', 'm'), { deleting: true }))).toEqual([
      'Ready=False/Deleting',
      'Stalled=True/NotOurs',
    ]);
    expect(brief(of(settled(), { deleting: true }))).toEqual([
      'Ready=False/Deleting',
      'Reconciling=True/Deleting',
    ]);
  });

  test('the controller’s own conditions follow in its order, and one it no longer gives is gone', () => {
    const domain = [
      { type: 'Placed', status: 'True', reason: 'Placed', message: 'On pve1.' },
      { type: 'Synced', status: 'False', reason: 'RestartRequired', message: 'Memory.' },
    ] as const;
    const first = of(settled(), { domain });
    expect(brief(first)).toEqual([
      'Ready=True/Reconciled',
      'Placed=True/Placed',
      'Synced=False/RestartRequired',
    ]);
    expect(brief(of(settled(), { previous: first }))).toEqual(['Ready=True/Reconciled']);
  });

  test('a pass that was cut short keeps what the controller last knew', () => {
    const domain = [{ type: 'Placed', status: 'True', reason: 'Placed', message: 'On pve1.' }] as const;
    const previous = of(settled(), { domain });
    expect(of(retry('PveUnavailable', 'm'), { domain: 'unknown', previous, generation: 8 })).toContainEqual(
      previous.find(({ type }) => type === 'Placed'),
    );
  });

  test('long messages are cut', () => {
    expect(of(waiting('Busy', 'x'.repeat(5000)))[0]!.message).toHaveLength(1024 - 2);
  });
});

describe('of any outcome', () => {
  const anOutcome = fc.constantFrom(...outcomes);
  const inputs = { outcome: anOutcome, deleting: fc.boolean(), generation: fc.nat() };

  test('Ready is always there, Reconciling and Stalled only while they are true and never both, each for this generation', () => {
    fc.assert(
      fc.property(fc.record(inputs), anOutcome, (given, before) => {
        const conditions = of(given.outcome, { ...given, previous: of(before) });
        const types = conditions.map(({ type }) => type);
        expect(types[0]).toBe('Ready');
        expect(types).toHaveLength(new Set(types).size);
        expect(types.includes('Reconciling') && types.includes('Stalled')).toBe(false);
        for (const { type, status, observedGeneration } of conditions) {
          expect(observedGeneration).toBe(given.generation);
          if (type !== 'Ready') expect(status).toBe('True');
        }
      }),
    );
  });

  test('the same outcome later changes nothing', () => {
    fc.assert(
      fc.property(fc.record(inputs), fc.date({ noInvalidDate: true }), (given, later) => {
        const first = of(given.outcome, given);
        expect(of(given.outcome, { ...given, previous: first, now: later })).toEqual(first);
      }),
    );
  });

  test('the time of transition moves exactly when the status does', () => {
    fc.assert(
      fc.property(anOutcome, anOutcome, (before, after) => {
        const previous = of(before).map((condition) => ({ ...condition, lastTransitionTime: EARLIER }));
        for (const { type, status, lastTransitionTime } of of(after, { previous })) {
          const same = previous.some((old) => old.type === type && old.status === status);
          expect(lastTransitionTime).toBe(same ? EARLIER : '2026-03-01T12:00:00Z');
        }
      }),
    );
  });
});

test('another message is not a transition, another reason is', () => {
  const busy = of(waiting('Busy', 'one'));
  expect(isTransition(busy, of(waiting('Busy', 'two')))).toBe(false);
  expect(isTransition(busy, of(waiting('Locked', 'one')))).toBe(true);
  expect(isTransition([], busy)).toBe(true);
});
