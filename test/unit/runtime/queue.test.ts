import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { millis, minutes, seconds } from '../../../src/lib/units.ts';
import { PASS_REASONS, type PassReason, type Work } from '../../../src/runtime/pass-reason.ts';
import { WorkQueue } from '../../../src/runtime/queue.ts';
import { fakeClock } from './fake-clock.ts';

function aQueue(random = () => 0.5) {
  const clock = fakeClock();
  return { clock, queue: new WorkQueue({ clock, random }) };
}

/** What the queue delivers right now, without waiting. */
async function ready(queue: WorkQueue): Promise<string[]> {
  const keys: string[] = [];
  while (queue.depth > 0) keys.push((await queue.take())!.key);
  return keys;
}

describe('the work queue', () => {
  test('delivers a key once however often it was added', async () => {
    const { queue } = aQueue();
    queue.add('a', 'edit');
    queue.add('b', 'edit');
    queue.add('a', 'edit');
    expect(await ready(queue)).toEqual(['a', 'b']);
  });

  test('keeps a key from a second worker, and delivers it again when the first is done', async () => {
    const { queue } = aQueue();
    queue.add('a', 'edit');
    await queue.take();
    queue.add('a', 'edit');
    let second: string | undefined;
    const waiting = queue.take().then((work) => (second = work?.key));
    await Promise.resolve();
    expect(second).toBeUndefined();
    queue.done('a');
    expect(await waiting).toBe('a');
  });

  test('of two delayed requests for a key the earlier one stays', async () => {
    const { clock, queue } = aQueue();
    queue.addAfter('a', seconds(10), 'timer');
    queue.addAfter('a', seconds(30), 'timer');
    queue.addAfter('a', seconds(5), 'timer');
    await clock.advance(seconds(5));
    expect(await ready(queue)).toEqual(['a']);
    queue.done('a');
    await clock.advance(minutes(5));
    expect(await ready(queue)).toEqual([]);
  });

  test('drops a delayed request when the key is worked on before it', async () => {
    const { clock, queue } = aQueue();
    queue.addAfter('a', seconds(30), 'timer');
    queue.add('a', 'edit');
    await ready(queue);
    queue.done('a');
    await clock.advance(minutes(1));
    expect(queue.depth).toBe(0);
  });

  test('keeps a delayed request that is made while the key is worked on', async () => {
    const { clock, queue } = aQueue();
    queue.add('a', 'edit');
    await queue.take();
    queue.addAfter('a', seconds(30), 'timer');
    queue.done('a');
    await clock.advance(seconds(30));
    expect(await ready(queue)).toEqual(['a']);
  });

  test('doubles the longest delay with every failure up to five minutes, until it is to forget', () => {
    const { queue } = aQueue(() => 1);
    const delays = Array.from({ length: 11 }, () => queue.retry('a') / 1000);
    expect(delays).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    queue.forget('a');
    expect(queue.retry('a')).toBe(seconds(1));
  });

  test('spreads what failed together over the whole delay', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(12),
        (chance, row) => {
          const { queue } = aQueue(() => chance);
          for (let failure = 0; failure < row; failure += 1) queue.retry('a');
          const ceiling = Math.min(300_000, 1000 * 2 ** row);
          expect(queue.retry('a')).toBe(Math.ceil(chance * ceiling));
        },
      ),
    );
  });

  test('releases waiting workers and cancels every delayed request when it is shut down', async () => {
    const { clock, queue } = aQueue();
    const waiting = [queue.take(), queue.take()];
    queue.addAfter('a', seconds(1), 'timer');
    queue.shutdown();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
    expect(clock.pending).toBe(0);
    queue.add('b', 'edit');
    expect(await queue.take()).toBeUndefined();
  });

  test('says how long the oldest key has been with its worker', async () => {
    const { clock, queue } = aQueue();
    expect(queue.longestRunning).toBe(0);
    queue.add('a', 'edit');
    queue.add('b', 'edit');
    await queue.take();
    await clock.advance(seconds(3));
    await queue.take();
    await clock.advance(seconds(1));
    expect(queue.longestRunning).toBe(seconds(4));
    queue.done('a');
    expect(queue.longestRunning).toBe(seconds(1));
  });

  describe('with a key delivers why it was added', () => {
    const why = async (queue: WorkQueue): Promise<PassReason[]> => [...(await queue.take())!.reasons];

    test('with all reasons, each once', async () => {
      const { queue } = aQueue();
      queue.add('a', 'edit');
      queue.add('a', 'guestChanged');
      queue.add('a', 'edit');
      expect(await why(queue)).toEqual(['edit', 'guestChanged']);
    });

    test('and those that came while a worker had it with the next pass', async () => {
      const { queue } = aQueue();
      queue.add('a', 'startup');
      expect(await why(queue)).toEqual(['startup']);
      queue.add('a', 'taskEnded');
      queue.add('a', 'slotFree');
      queue.done('a');
      expect(await why(queue)).toEqual(['taskEnded', 'slotFree']);
    });

    test('but not that of a delayed request that it came before', async () => {
      const { clock, queue } = aQueue();
      queue.addAfter('a', seconds(30), 'timer');
      queue.add('a', 'edit');
      expect(await why(queue)).toEqual(['edit']);
      queue.done('a');
      queue.addAfter('a', seconds(5), 'timer');
      await clock.advance(seconds(5));
      expect(await why(queue)).toEqual(['timer']);
    });

    test('also where it failed before', async () => {
      const { clock, queue } = aQueue();
      queue.retry('a');
      await clock.advance(seconds(1));
      expect(await why(queue)).toEqual(['retry']);
    });
  });
});

type Move =
  | { do: 'add'; key: string; reason: PassReason }
  | { do: 'retry'; key: string }
  | { do: 'done'; key: string }
  | { do: 'addAfter'; key: string; delay: number }
  | { do: 'take' }
  | { do: 'wait'; time: number };

const key = fc.constantFrom('a', 'b', 'c');
const move: fc.Arbitrary<Move> = fc.oneof(
  fc.record({ do: fc.constant('add' as const), key, reason: fc.constantFrom(...PASS_REASONS) }),
  fc.record({ do: fc.constant('retry' as const), key }),
  fc.record({ do: fc.constant('done' as const), key }),
  fc.record({ do: fc.constant('addAfter' as const), key, delay: fc.nat(5000) }),
  fc.record({ do: fc.constant('take' as const) }),
  fc.record({ do: fc.constant('wait' as const), time: fc.nat(3000) }),
);

describe('with any calls in any order', () => {
  test('no key is with two workers, and neither a key nor a reason that was asked for is lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(move, { maxLength: 40 }), async (moves) => {
        const { clock, queue } = aQueue(() => 0.9);
        const held = new Set<string>();
        const owed = new Set<string>();
        const reasonsOwed = new Map<string, Set<PassReason>>();
        const deliver = (taken: Work | undefined): void => {
          const { key: name, reasons } = taken!;
          expect(held).not.toContain(name);
          expect(reasons.size).toBeGreaterThan(0);
          expect([...(reasonsOwed.get(name) ?? [])].filter((each) => !reasons.has(each))).toEqual([]);
          reasonsOwed.delete(name);
          held.add(name);
          owed.delete(name);
        };
        const finish = (finished: string): void => {
          if (held.delete(finished)) queue.done(finished);
        };
        for (const step of moves) {
          if (step.do === 'wait') await clock.advance(millis(step.time));
          else if (step.do === 'take') {
            if (queue.depth > 0) deliver(await queue.take());
          } else if (step.do === 'done') finish(step.key);
          else {
            owed.add(step.key);
            if (step.do === 'addAfter') queue.addAfter(step.key, millis(step.delay), 'timer');
            else if (step.do === 'retry') queue.retry(step.key);
            else {
              queue.add(step.key, step.reason);
              reasonsOwed.set(step.key, (reasonsOwed.get(step.key) ?? new Set()).add(step.reason));
            }
          }
        }
        for (let round = 0; round < 5; round += 1) {
          [...held].forEach(finish);
          await clock.advance(minutes(5));
          while (queue.depth > 0) {
            const taken = await queue.take();
            deliver(taken);
            finish(taken!.key);
          }
        }
        expect([...owed, ...reasonsOwed.keys()]).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});
