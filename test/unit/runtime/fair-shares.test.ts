import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { FairShares, type Path } from '../../../src/runtime/fair-shares.ts';

/** Takes as much as may begin, none of which ends. */
function takeAll(shares: FairShares): readonly string[] {
  const taken: string[] = [];
  for (let turn = shares.take(); turn; turn = shares.take()) taken.push(turn.work);
  return taken;
}

const addMany = (shares: FairShares, path: Path, count: number): void => {
  for (let n = 0; n < count; n += 1) shares.add(path, `${path.join('/')}:${n}`);
};

describe('workers that are shared', () => {
  test('serve what has no group in the order of arrival', () => {
    const shares = new FairShares(3);
    for (const work of ['a', 'b', 'c', 'd']) shares.add([], work);
    expect(takeAll(shares)).toEqual(['a', 'b', 'c']);
    shares.done([]);
    expect(takeAll(shares)).toEqual(['d']);
  });

  test('are never all with one group whose work does not end', () => {
    const shares = new FairShares(64);
    addMany(shares, ['dead'], 300);
    expect(takeAll(shares)).toHaveLength(32);
    shares.add(['healthy'], 'edit');
    expect(takeAll(shares)).toEqual(['edit']);
  });

  test('are not more for a tenant that has many Providers', () => {
    const shares = new FairShares(64);
    for (let n = 0; n < 50; n += 1) addMany(shares, ['tenant', `dead-${n}`], 300);
    expect(takeAll(shares).length).toBeLessThanOrEqual(32);
    shares.add(['other', 'pve'], 'edit');
    shares.add(['tenant', 'healthy'], 'edit of the same tenant');
    expect(takeAll(shares)).toContain('edit');
  });

  test('leave a Provider what another of its tenant cannot take', () => {
    const shares = new FairShares(64);
    addMany(shares, ['tenant', 'dead'], 300);
    takeAll(shares);
    shares.add(['tenant', 'healthy'], 'edit');
    expect(takeAll(shares)).toEqual(['edit']);
  });

  test('go round between groups, however many wait in each', () => {
    const shares = new FairShares(1);
    addMany(shares, ['a'], 5);
    addMany(shares, ['b'], 2);
    addMany(shares, ['c'], 1);
    const order: string[] = [];
    for (let turn = shares.take(); turn; turn = shares.take()) {
      order.push(turn.path.join());
      shares.done(turn.path);
    }
    expect(order).toEqual(['a', 'b', 'c', 'a', 'b', 'a', 'a', 'a']);
  });

  test('are forgotten with what waits for them', () => {
    const shares = new FairShares(4);
    addMany(shares, ['a', 'b'], 9);
    const running = takeAll(shares);
    shares.clear();
    for (const _ of running) shares.done(['a', 'b']);
    expect(shares.take()).toBeUndefined();
    shares.add(['a'], 'later');
    expect(shares.take()?.work).toBe('later');
  });
});

const path = fc.tuple(fc.constantFrom('t1', 't2', 't3'), fc.constantFrom('p1', 'p2'));
const move = fc.oneof(
  fc.record({ do: fc.constant('add' as const), path }),
  fc.record({ do: fc.constant('take' as const) }),
  fc.record({ do: fc.constant('done' as const), which: fc.nat() }),
);

describe('with any work in any order', () => {
  test('no more runs than there are workers, nothing is lost, and a new tenant finds a worker while one is free', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.array(move, { maxLength: 80 }), (workers, moves) => {
        const shares = new FairShares(workers);
        const waiting = new Set<string>();
        const running: Path[] = [];
        const take = (): boolean => {
          const turn = shares.take();
          if (!turn) return false;
          expect(waiting.delete(turn.work)).toBe(true);
          running.push(turn.path);
          expect(running.length).toBeLessThanOrEqual(workers);
          return true;
        };
        for (const [n, step] of moves.entries()) {
          if (step.do === 'add') {
            shares.add(step.path, String(n));
            waiting.add(String(n));
          } else if (step.do === 'take') take();
          else if (running.length > 0) shares.done(running.splice(step.which % running.length, 1)[0]!);
        }
        while (take());
        if (running.length < workers) {
          shares.add(['new', 'pve'], 'new');
          waiting.add('new');
          expect(take()).toBe(true);
          expect(waiting).not.toContain('new');
        }
        while (running.length > 0 || waiting.size > 0) {
          if (running.length > 0) shares.done(running.pop()!);
          while (take());
        }
        expect(waiting.size).toBe(0);
      }),
    );
  });
});
