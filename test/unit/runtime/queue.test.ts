import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { millis, minutes, seconds } from '../../../src/lib/units.ts';
import { WorkQueue } from '../../../src/runtime/queue.ts';
import { fakeClock } from './fake-clock.ts';

function aQueue(random = () => 0.5) {
  const clock = fakeClock();
  return { clock, queue: new WorkQueue({ clock, random }) };
}

/** What the queue hands out right now, without waiting. */
async function ready(queue: WorkQueue): Promise<string[]> {
  const keys: string[] = [];
  while (queue.depth > 0) keys.push((await queue.take())!);
  return keys;
}

describe('the work queue', () => {
  test('hands out a key once however often it was added', async () => {
    const { queue } = aQueue();
    queue.add('a');
    queue.add('b');
    queue.add('a');
    expect(await ready(queue)).toEqual(['a', 'b']);
  });

  test('keeps a key from a second worker, and hands it out again when the first is done', async () => {
    const { queue } = aQueue();
    queue.add('a');
    await queue.take();
    queue.add('a');
    let second: string | undefined;
    const waiting = queue.take().then((key) => (second = key));
    await Promise.resolve();
    expect(second).toBeUndefined();
    queue.done('a');
    expect(await waiting).toBe('a');
  });

  test('of two appointments for a key the earlier one stays', async () => {
    const { clock, queue } = aQueue();
    queue.addAfter('a', seconds(10));
    queue.addAfter('a', seconds(30));
    queue.addAfter('a', seconds(5));
    await clock.advance(seconds(5));
    expect(await ready(queue)).toEqual(['a']);
    queue.done('a');
    await clock.advance(minutes(5));
    expect(await ready(queue)).toEqual([]);
  });

  test('drops an appointment when the key is worked on before it', async () => {
    const { clock, queue } = aQueue();
    queue.addAfter('a', seconds(30));
    queue.add('a');
    await ready(queue);
    queue.done('a');
    await clock.advance(minutes(1));
    expect(queue.depth).toBe(0);
  });

  test('keeps an appointment that is made while the key is worked on', async () => {
    const { clock, queue } = aQueue();
    queue.add('a');
    await queue.take();
    queue.addAfter('a', seconds(30));
    queue.done('a');
    await clock.advance(seconds(30));
    expect(await ready(queue)).toEqual(['a']);
  });

  test('doubles the longest delay with every failure up to five minutes, until it is told to forget', () => {
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

  test('lets waiting workers go and cancels every appointment when it is shut down', async () => {
    const { clock, queue } = aQueue();
    const waiting = [queue.take(), queue.take()];
    queue.addAfter('a', seconds(1));
    queue.shutdown();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
    expect(clock.pending).toBe(0);
    queue.add('b');
    expect(await queue.take()).toBeUndefined();
  });

  test('tells how long the oldest key has been with its worker', async () => {
    const { clock, queue } = aQueue();
    expect(queue.longestRunning).toBe(0);
    queue.add('a');
    queue.add('b');
    await queue.take();
    await clock.advance(seconds(3));
    await queue.take();
    await clock.advance(seconds(1));
    expect(queue.longestRunning).toBe(seconds(4));
    queue.done('a');
    expect(queue.longestRunning).toBe(seconds(1));
  });
});

type Move =
  | { do: 'add' | 'retry'; key: string }
  | { do: 'done'; key: string }
  | { do: 'addAfter'; key: string; delay: number }
  | { do: 'take' }
  | { do: 'wait'; time: number };

const key = fc.constantFrom('a', 'b', 'c');
const move: fc.Arbitrary<Move> = fc.oneof(
  fc.record({ do: fc.constantFrom('add' as const, 'retry' as const), key }),
  fc.record({ do: fc.constant('done' as const), key }),
  fc.record({ do: fc.constant('addAfter' as const), key, delay: fc.nat(5000) }),
  fc.record({ do: fc.constant('take' as const) }),
  fc.record({ do: fc.constant('wait' as const), time: fc.nat(3000) }),
);

describe('whatever is asked of it in whatever order', () => {
  test('no key is with two workers, and none that was asked for is lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(move, { maxLength: 40 }), async (moves) => {
        const { clock, queue } = aQueue(() => 0.9);
        const held = new Set<string>();
        const owed = new Set<string>();
        const handOut = (taken: string | undefined): void => {
          expect(held).not.toContain(taken);
          held.add(taken!);
          owed.delete(taken!);
        };
        const finish = (finished: string): void => {
          if (held.delete(finished)) queue.done(finished);
        };
        for (const step of moves) {
          if (step.do === 'wait') await clock.advance(millis(step.time));
          else if (step.do === 'take') {
            if (queue.depth > 0) handOut(await queue.take());
          } else if (step.do === 'done') finish(step.key);
          else {
            owed.add(step.key);
            if (step.do === 'addAfter') queue.addAfter(step.key, millis(step.delay));
            else queue[step.do](step.key);
          }
        }
        for (let round = 0; round < 5; round += 1) {
          [...held].forEach(finish);
          await clock.advance(minutes(5));
          while (queue.depth > 0) {
            const taken = await queue.take();
            handOut(taken);
            finish(taken!);
          }
        }
        expect([...owed]).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});
