import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { withInitialRequest } from '../../../../../controllers/vmsnapshot/revert/initial.ts';
import {
  ignoredAfter,
  judgeRequest,
  noEffect,
  withdrawn,
  type RequestInputs,
} from '../../../../../controllers/vmsnapshot/revert/request.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';
import { aSnapshot } from '../../../../builders/reverting.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const iso = (at: number): string => new Date(at).toISOString();

const inputs = (change: Partial<RequestInputs> = {}): RequestInputs => ({
  requestedAt: iso(NOW),
  last: undefined,
  ignored: [],
  takenAt: NOW - 48 * HOUR,
  knownSince: undefined,
  now: NOW,
  ...change,
});
const kind = (change: Partial<RequestInputs> = {}) => judgeRequest(inputs(change)).kind;

describe('a time', () => {
  test('that is new reverts the VM', () => {
    expect(judgeRequest(inputs())).toEqual({ kind: 'run', requestedAt: iso(NOW) });
  });

  test('is needed', () => {
    expect(kind({ requestedAt: undefined })).toBe('none');
  });

  test.each([
    ['is older than a day', { requestedAt: iso(NOW - 24 * HOUR - 1) }, '24 hours'],
    ['is not later than the snapshot', { requestedAt: iso(NOW - HOUR), takenAt: NOW - HOUR }, 'snapshot'],
    [
      'is older than what status knows of the snapshot, as after status was lost',
      { requestedAt: iso(NOW - HOUR), knownSince: NOW - MINUTE },
      'snapshot',
    ],
  ])('that %s is recorded, with the reason and what to do', (_what, change, why) => {
    const judged = judgeRequest(inputs(change));
    expect(judged).toMatchObject({ kind: 'record', message: expect.stringContaining(why) });
    expect(judged).toMatchObject({ message: expect.stringContaining('present time') });
  });

  test('that is not later than the last one does nothing, and says so where it differs', () => {
    const last = iso(NOW);
    expect(kind({ last })).toBe('none');
    expect(kind({ last, requestedAt: iso(NOW - MINUTE) })).toBe('none');
    expect(noEffect(inputs({ last }))).toBeUndefined();
    expect(noEffect(inputs({ last, requestedAt: iso(NOW - MINUTE) }))).toContain('not later than the last');
  });

  test('is compared as a time and not as text', () => {
    expect(kind({ last: '2026-03-01T12:00:00Z', requestedAt: '2026-03-01T13:00:00+01:00' })).toBe('none');
  });

  test('that is far in the future is ignored, also when it has come', () => {
    const requestedAt = iso(NOW + HOUR);
    expect(kind({ requestedAt })).toBe('ignore');
    const ignored = ignoredAfter([], requestedAt);
    expect(kind({ requestedAt, ignored, now: NOW + 2 * HOUR })).toBe('none');
    expect(noEffect(inputs({ requestedAt, ignored }))).toContain('in the future');
    expect(kind({ ignored })).toBe('run');
  });

  test('of a clock that is a little ahead counts', () => {
    expect(kind({ requestedAt: iso(NOW + MINUTE) })).toBe('run');
  });

  test('waits for the snapshot to be complete', () => {
    expect(kind({ takenAt: undefined })).toBe('none');
  });
});

describe('an announced revert is given up', () => {
  const announced = { requestedAt: iso(NOW), at: iso(NOW) };

  test('when its time is no longer in the spec', () => {
    expect(withdrawn({ requestedAt: undefined, now: NOW }, announced)).toBeDefined();
    expect(withdrawn({ requestedAt: iso(NOW + MINUTE), now: NOW }, announced)).toBeDefined();
    expect(withdrawn({ requestedAt: iso(NOW), now: NOW }, announced)).toBeUndefined();
  });

  test('when a day has passed', () => {
    expect(withdrawn({ requestedAt: iso(NOW), now: NOW + 24 * HOUR + 1 }, announced)).toBeDefined();
  });
});

describe('a time that is there when the object is seen for the first time', () => {
  const first = (requestedAt: string, vm = aVirtualMachine()) => {
    const snapshot = aSnapshot({ observedGeneration: -1 });
    return withInitialRequest({ ...snapshot, spec: { ...snapshot.spec, revert: { requestedAt } } }, vm, NOW);
  };

  test('is only recorded', () => {
    expect(first(iso(NOW)).status?.lastRevert).toMatchObject({ result: 'NotRun', requestedAt: iso(NOW) });
    expect(first(iso(NOW + HOUR)).status?.internal?.ignoredReverts).toEqual([iso(NOW + HOUR)]);
  });

  test('may have been carried out where the VM leaves its guest alone for it: the status was lost', () => {
    const revert = {
      snapshot: 'before',
      uid: 'uid-of-before',
      requestedAt: iso(NOW),
      generation: 1,
      state: 'Announced' as const,
    };
    const vm = aVirtualMachine({ status: { internal: { revert } } });
    expect(first(iso(NOW), vm).status?.lastRevert?.result).toBe('Unknown');
  });
});

/** Histories of edits: times that are set, set again, removed; time that passes; a status that is lost. */
type Event =
  | { readonly do: 'set'; readonly ago: number }
  | { readonly do: 'setAgain'; readonly nth: number }
  | { readonly do: 'remove' }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'loseStatus' };

const events = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('set' as const), ago: fc.integer({ min: -30 * HOUR, max: 30 * HOUR }) }),
    fc.record({ do: fc.constant('set' as const), ago: fc.integer({ min: -2 * MINUTE, max: 2 * MINUTE }) }),
    fc.record({ do: fc.constant('setAgain' as const), nth: fc.nat(5) }),
    fc.record({ do: fc.constant('remove' as const) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 20 * HOUR }) }),
    fc.record({ do: fc.constant('loseStatus' as const) }),
  ),
  { maxLength: 30 },
);

class History {
  now = NOW;
  readonly takenAt = NOW - HOUR;
  requestedAt: string | undefined;
  last: string | undefined;
  ignored: string[] = [];
  observed = true;
  knownSince = NOW - HOUR;
  readonly times: string[] = [];
  readonly runs: { readonly at: number; readonly now: number; readonly firstSeen: number }[] = [];
  readonly seen = new Map<string, number>();

  apply(event: Event): void {
    if (event.do === 'wait') this.now += event.ms;
    if (event.do === 'remove') this.requestedAt = undefined;
    if (event.do === 'set') this.times.push((this.requestedAt = iso(this.now - event.ago)));
    if (event.do === 'setAgain') this.requestedAt = this.times[event.nth] ?? this.requestedAt;
    if (event.do === 'loseStatus') {
      [this.last, this.ignored, this.observed, this.knownSince] = [undefined, [], false, this.now];
      // A time that never acted, because it was in the future, is forgotten with it.
      this.seen.clear();
    }
    this.pass();
    this.now += 1;
  }

  first(): void {
    const vm = aSnapshot({ observedGeneration: -1 });
    const spec = {
      ...vm.spec,
      ...(this.requestedAt !== undefined && { revert: { requestedAt: this.requestedAt } }),
    };
    const { status } = withInitialRequest({ ...vm, spec }, undefined, this.now);
    this.last = status?.lastRevert?.requestedAt;
    this.ignored = [...(status?.internal?.ignoredReverts ?? [])];
  }

  pass(): void {
    const { requestedAt } = this;
    if (requestedAt !== undefined && !this.seen.has(requestedAt)) this.seen.set(requestedAt, this.now);
    if (!this.observed) this.first();
    this.observed = true;
    const judged = judgeRequest(this);
    if (judged.kind === 'ignore') this.ignored = ignoredAfter(this.ignored, judged.requestedAt);
    if (judged.kind === 'record' || judged.kind === 'run') this.last = judged.requestedAt;
    if (judged.kind !== 'run') return;
    const firstSeen = this.seen.get(judged.requestedAt) ?? this.now;
    this.runs.push({ at: Date.parse(judged.requestedAt), now: this.now, firstSeen });
  }
}

test('whatever is edited, in whichever order: a time acts at most once, when it is first seen, and never an older one after it', () => {
  let ran = 0;
  fc.assert(
    fc.property(events, (all) => {
      const history = new History();
      for (const event of all) history.apply(event);
      const { runs } = history;
      ran += runs.length;
      for (const [n, { at, now, firstSeen }] of runs.entries()) {
        expect(at).toBeGreaterThan(runs[n - 1]?.at ?? history.takenAt);
        expect(now - at).toBeLessThanOrEqual(24 * HOUR);
        expect(at - now).toBeLessThanOrEqual(5 * MINUTE);
        expect(firstSeen).toBe(now);
      }
    }),
    { numRuns: 500 },
  );
  expect(ran).toBeGreaterThan(100);
});
