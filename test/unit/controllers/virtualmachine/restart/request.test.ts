import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { judgeRestart, type RestartInputs } from '../../../../../controllers/virtualmachine/restart/judge.ts';
import { withInitialRequest } from '../../../../../controllers/virtualmachine/restart/request.ts';
import { RESTARTED_AT } from '../../../../../src/api/index.ts';
import type { Restart } from '../../../../../controllers/virtualmachine/model/restart.ts';
import { aGuest, aDesiredVm, NOW } from '../../../../builders/guests.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const at = (ms: number): string => new Date(ms).toISOString();

type Before = RestartInputs['before'];
const NOTHING: Before = { note: undefined, restartedAt: undefined };

interface Look {
  readonly requestedAt?: string | undefined;
  readonly now?: number;
  readonly observed?: boolean;
  readonly blind?: boolean;
  readonly running?: boolean;
}

const judge = (before: Before, look: Look): Restart =>
  judgeRestart({
    want: aDesiredVm({ restart: look.requestedAt === undefined ? {} : { requestedAt: look.requestedAt } }),
    guest: look.blind ? undefined : aGuest({ running: look.running ?? true }),
    made: true,
    task: undefined,
    drift: undefined,
    awaited: [],
    now: look.now ?? NOW,
    observed: look.observed ?? true,
    before,
    inDoubt: false,
    wouldStayOff: false,
    claimSlot: () => undefined,
  });

/** Passes until nothing more is to be done; counts the shutdowns. */
function settle(before: Before, look: Look): { readonly before: Before; readonly restarts: number } {
  let state = before;
  let restarts = 0;
  let running = true;
  for (let pass = 0; pass < 6; pass += 1) {
    const { note, restartedAt, next } = judge(state, { ...look, running });
    state = { note, restartedAt };
    if (next === 'shutdown') {
      restarts += 1;
      running = false;
    } else if (next === undefined) running = true;
  }
  return { before: state, restarts };
}

const restartsOf = (...looks: readonly Look[]): number => {
  let state = NOTHING;
  let restarts = 0;
  for (const look of looks) {
    const settled = settle(state, look);
    state = settled.before;
    restarts += settled.restarts;
  }
  return restarts;
};

describe('a requested restart', () => {
  const [a, b] = [at(NOW - HOUR), at(NOW - HOUR / 2)];

  test('is made once for each later time, and not again for an earlier one', () => {
    expect(restartsOf({ requestedAt: a })).toBe(1);
    expect(restartsOf({ requestedAt: a }, { requestedAt: b })).toBe(2);
    expect(restartsOf({ requestedAt: a }, { requestedAt: b }, { requestedAt: a }, { requestedAt: b })).toBe(
      2,
    );
  });

  test('is not made again for the same time in another zone', () => {
    const zoned = `${at(NOW - HOUR + 2 * HOUR).slice(0, 19)}+02:00`;
    expect(restartsOf({ requestedAt: a }, { requestedAt: zoned })).toBe(1);
  });

  test('is recorded and not made if it is older than a day when it is first seen', () => {
    const old = at(NOW - DAY - 1);
    expect(judge(NOTHING, { requestedAt: old })).toEqual({ note: undefined, restartedAt: old, expired: old });
    expect(judge({ note: undefined, restartedAt: old }, { requestedAt: old })).not.toHaveProperty('expired');
    expect(restartsOf({ requestedAt: at(NOW - DAY) })).toBe(1);
  });

  test('for a time in the future is made then, and hides no request that comes before it', () => {
    const soon = at(NOW + HOUR);
    const early = judge(NOTHING, { requestedAt: soon });
    expect(early).toMatchObject({
      note: undefined,
      restartedAt: undefined,
      scheduled: soon,
      againAt: NOW + HOUR,
    });
    expect(early).not.toHaveProperty('next');
    expect(restartsOf({ requestedAt: soon }, { requestedAt: a })).toBe(1);
    expect(restartsOf({ requestedAt: soon }, { requestedAt: soon, now: NOW + HOUR })).toBe(1);
  });

  test('for a time in the future is not recorded before then, also while there is nothing to restart', () => {
    const soon = at(NOW + HOUR);
    expect(judge(NOTHING, { requestedAt: soon, observed: false }).restartedAt).toBeUndefined();
  });

  test('is not ignored because a clock that was a year ahead recorded another', () => {
    const year: Before = { note: undefined, restartedAt: at(NOW + 365 * DAY) };
    const now = at(NOW - 1_000);
    expect(settle(year, { requestedAt: now })).toMatchObject({ restarts: 1, before: { restartedAt: now } });
    // Neither what was recorded itself nor a manifest that was put back is a new request.
    expect(settle(year, { requestedAt: year.restartedAt }).restarts).toBe(0);
    expect(settle(year, { requestedAt: a })).toMatchObject({ restarts: 0, before: year });
    const begun = judge(year, { requestedAt: now });
    expect(judge(begun, { requestedAt: now, now: NOW + HOUR })).toMatchObject({ next: 'shutdown' });
  });

  test('is not put off for a clock that is a little ahead', () => {
    expect(restartsOf({ requestedAt: at(NOW + 4_000) })).toBe(1);
  });

  test('is still made after a day if it was seen in time', () => {
    const seen = judge(NOTHING, { requestedAt: a, blind: true });
    expect(seen.note).toMatchObject({ cause: 'Requested', of: a, stopped: false });
    expect(settle(seen, { requestedAt: a, now: NOW + 2 * DAY }).restarts).toBe(1);
  });

  test('is only recorded for an object that was never observed', () => {
    const judged = judge(NOTHING, { requestedAt: a, observed: false });
    expect(judged).toEqual({ note: undefined, restartedAt: a });
    const restored: Before = { note: undefined, restartedAt: b };
    expect(judge(restored, { requestedAt: a, observed: false }).restartedAt).toBe(b);
  });

  test('that is replaced half way counts as made', () => {
    const half = judge(NOTHING, { requestedAt: b });
    expect(half.note?.of).toBe(b);
    const earlier = judge(half, { requestedAt: a });
    expect(earlier).toEqual({ note: undefined, restartedAt: b });
    expect(judge(half, {})).toEqual({ note: undefined, restartedAt: b });
  });

  test('restarts at most once for each time that is later than all before it, in any order', () => {
    const look = fc.record({
      requestedAt: fc.option(
        fc.integer({ min: -30, max: 0 }).map((hours) => at(NOW + hours * HOUR)),
        {
          nil: undefined,
        },
      ),
      now: fc.integer({ min: 0, max: 30 }).map((hours) => NOW + hours * HOUR),
      observed: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(look, { maxLength: 12 }), (unordered) => {
        const looks = unordered.toSorted((one, other) => one.now - other.now);
        let latest = -Infinity;
        let expected = 0;
        for (const { requestedAt, now, observed } of looks) {
          const time = requestedAt === undefined ? -Infinity : Date.parse(requestedAt);
          if (time > latest && observed && now - time <= DAY) expected += 1;
          latest = Math.max(latest, time);
        }
        expect(restartsOf(...looks)).toBe(expected);
      }),
    );
  });
});

describe('the status of a VM that was never observed', () => {
  const requestedAt = '2026-03-01T11:00:00Z';
  const metadata = { annotations: { [RESTARTED_AT]: requestedAt } };
  const recorded = (vm: Parameters<typeof aVirtualMachine>[0], now = Date.parse(requestedAt)) =>
    withInitialRequest(aVirtualMachine(vm), now).status;

  test('records the request although nothing else is known', () => {
    expect(recorded({ metadata })).toEqual({ internal: { restartedAt: requestedAt } });
    const internal = { uuid: 'x', restartedAt: '2026-03-01T11:30:00Z' };
    expect(recorded({ metadata, status: { internal } })).toEqual({ internal });
  });

  test('is as it was once the VM was observed, without a request, or before its time', () => {
    const status = { observedGeneration: 1 };
    expect(recorded({ metadata, status })).toEqual(status);
    expect(recorded({})).toEqual(aVirtualMachine().status);
    expect(recorded({ metadata }, Date.parse(requestedAt) - HOUR)).toEqual(aVirtualMachine().status);
  });
});
