import { expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { createSlots } from '../../../../../controllers/shared/limits/slots.ts';

const LIMITS: Readonly<Record<string, number>> = { a: 1, b: 2, c: 3 };
type Request = readonly string[];

/** Who asks, when, for what, and how long the operation takes: 0 for one that never comes back once it is woken. */
const schedules = fc.array(
  fc.record({
    at: fc.nat({ max: 20_000 }),
    request: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }),
    lasts: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 9_000 }) }, fc.constant(0)),
    /** Between being woken and asking: longer than the slot is kept, now and then. */
    delay: fc.integer({ min: 1, max: 3_000 }),
  }),
  { minLength: 1, maxLength: 30 },
);

/** Runs what is due, in order, until nothing is left to do. */
function timeline() {
  let now = 0;
  let due: { readonly at: number; readonly run: () => void }[] = [];
  const after = (ms: number, run: () => void): void => void due.push({ at: now + ms, run });
  return {
    now: () => now,
    after,
    runAll() {
      for (let steps = 0; due.length > 0; steps += 1) {
        if (steps > 20_000) throw new Error('it never ends');
        const next = due.reduce((first, each) => (each.at < first.at ? each : first));
        due = due.filter((each) => each !== next);
        now = next.at;
        next.run();
      }
    },
  };
}

test('no limit is ever exceeded, and no object waits forever while a slot is free', () => {
  fc.assert(
    fc.property(schedules, (plans) => {
      const time = timeline();
      const running = new Map<number, Request>();
      const finished = new Set<number>();
      const slots = createSlots<Request>(
        { competesFor: (request) => new Map(request.map((name) => [name, LIMITS[name] ?? 0])) },
        { now: time.now, after: time.after, wake: (uid) => woken(Number(uid)) },
      );
      const ask = (n: number): void => {
        const { request = [], lasts = 0 } = plans[n] ?? {};
        if (running.has(n) || finished.has(n) || !slots.take(String(n), request)) return;
        running.set(n, request);
        for (const [name, limit] of Object.entries(LIMITS))
          expect([...running.values()].filter((each) => each.includes(name)).length).toBeLessThanOrEqual(
            limit,
          );
        time.after(Math.max(lasts, 1), () => {
          running.delete(n);
          finished.add(n);
          slots.end(String(n));
        });
      };
      const woken = (n: number): void => {
        const plan = plans[n];
        if (plan && plan.lasts > 0) time.after(plan.delay, () => ask(n));
      };
      plans.forEach(({ at }, n) => time.after(at, () => ask(n)));
      time.runAll();
      plans.forEach(({ lasts }, n) => lasts > 0 && expect(finished).toContain(n));
    }),
    { numRuns: 300 },
  );
});

function scene() {
  let now = 0;
  const woken: string[] = [];
  const slots = createSlots<Request>(
    { competesFor: (request) => new Map(request.map((name) => [name, LIMITS[name] ?? 0])) },
    { now: () => now, wake: (uid) => void woken.push(uid), after: () => undefined },
  );
  return { slots, woken, wait: (ms: number) => void (now += ms) };
}

test('asking for something else releases the slot for the next', () => {
  const { slots, woken } = scene();
  expect(slots.take('x', ['a'])).toBe(true);
  expect(slots.take('y', ['a'])).toBe(false);
  expect(slots.take('x', ['b'])).toBe(true);
  expect(woken).toEqual(['y']);
  expect(slots.take('y', ['a'])).toBe(true);
});

test('who says in each pass that nothing of it is under way keeps its place among those who wait', () => {
  const { slots, woken } = scene();
  slots.take('x', ['a']);
  for (const uid of ['y', 'z', 'y', 'z']) {
    slots.end(uid);
    expect(slots.take(uid, ['a'])).toBe(false);
  }
  slots.end('x');
  expect(woken).toEqual(['y']);
  slots.end('y');
  expect(slots.take('z', ['a'])).toBe(true);
  slots.end('z');
  expect(slots.take('y', ['a'])).toBe(true);
});

test('what ends without a word is for who waits, not for who happens to ask', () => {
  const { slots, woken } = scene();
  slots.hold('x', ['a']);
  expect(slots.take('waits', ['a'])).toBe(false);
  slots.hold('x', ['b']);
  expect(woken).toEqual(['waits']);
  expect(slots.take('comes by', ['a'])).toBe(false);
  expect(slots.take('waits', ['a'])).toBe(true);
});

test('slots of another connection to the same cluster count once they are taken over', () => {
  const [here, there] = [scene().slots, scene().slots];
  there.take('x', ['a']);
  here.absorb(there);
  expect(here.take('y', ['a'])).toBe(false);
  here.end('x');
  expect(here.take('y', ['a'])).toBe(true);
});
