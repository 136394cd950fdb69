import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { createCloneSlots } from '../../../../../controllers/shared/limits/clones.ts';
import { createTaskWatch } from '../../../../../controllers/shared/tasks/watch.ts';
import { pve, PveError, type Send } from '../../../../../src/pve/index.ts';
import type { Upid } from '../../../../../src/lib/units.ts';
import { NOW } from '../../../../builders/guests.ts';

const upid = (n: number, node = 'pve-1'): Upid =>
  `UPID:${node}:0000000${n}:00000001:65F00000:qmstart:10${n}:operator@pve:` as Upid;

const unneeded = (): void => undefined;

/** A cluster whose running tasks the test decides, and a clock that moves when a look is due. */
function aWatch() {
  const running = new Set<Upid>();
  const woken: string[] = [];
  const turnsGivenBack: string[] = [];
  const due: (() => void)[] = [];
  let lists = 0;
  let broken = false;
  let passed = 0;
  const send: Send = (endpoint) => {
    lists += 1;
    if (broken) {
      const facts = { method: 'GET', route: endpoint.path, code: '596', message: 'no answer' } as const;
      return Promise.reject(new PveError({ refusal: 'unavailable', ...facts }));
    }
    const rows = [...running].map((id) => ({
      upid: id,
      node: 'pve-1',
      type: 'qmstart',
      id: '1',
      user: 'o@pve',
    }));
    return Promise.resolve(endpoint.reply.parse(rows.map((row) => ({ ...row, starttime: 1 }))));
  };
  const cloneSlots = {
    ...createCloneSlots(() => NOW, unneeded),
    end: (uid: string) => void turnsGivenBack.push(uid),
  };
  const connection = { pve: pve(send), cloneSlots };
  const watch = createTaskWatch({
    wake: (uid) => void woken.push(uid),
    now: () => NOW + passed,
    after: (_ms, run) => void due.push(run),
  });
  return {
    woken,
    turnsGivenBack,
    lists: () => lists,
    breakDown: () => (broken = true),
    begin(n: number, node?: string) {
      running.add(upid(n, node));
      return watch.follow({ connection, upid: upid(n, node), uid: `uid-${n}` });
    },
    follow: (n: number) => watch.follow({ connection, upid: upid(n), uid: `uid-${n}` }),
    usualMs: (n: number) => watch.usualMs({ connection, upid: upid(n) }),
    pass: (ms: number) => (passed += ms),
    forget: (n: number) => watch.forget({ connection, upid: upid(n) }),
    end: (n: number) => running.delete(upid(n)),
    async look() {
      due.shift()?.();
      await setImmediate();
    },
    isLooking: () => due.length > 0,
  };
}

describe('the tasks of a node', () => {
  test('are asked for one by one while they are two', () => {
    const watch = aWatch();
    expect([watch.begin(1), watch.begin(2), watch.follow(1)]).toEqual([false, false, false]);
    expect(watch.isLooking()).toBe(false);
  });

  test('are followed by one list when they are more, and the end of one wakes its waiter and frees its slot', async () => {
    const watch = aWatch();
    for (const n of [1, 2, 3, 4]) watch.begin(n);
    expect(watch.follow(1)).toBe(true);
    await watch.look();
    expect([watch.woken, watch.lists()]).toEqual([[], 1]);
    watch.end(2);
    await watch.look();
    expect([watch.woken, watch.lists()]).toEqual([['uid-2'], 2]);
    expect(watch.turnsGivenBack).toEqual(['uid-2']);
    for (const n of [1, 3, 4]) watch.end(n);
    await watch.look();
    expect(watch.woken).toEqual(['uid-2', 'uid-1', 'uid-3', 'uid-4']);
    expect(watch.isLooking()).toBe(false);
  });

  test('of another node are not counted with them', () => {
    const watch = aWatch();
    watch.begin(1);
    watch.begin(2);
    expect(watch.begin(3, 'pve-2')).toBe(false);
  });

  test('whose end is known are not counted any more', () => {
    const watch = aWatch();
    watch.begin(1);
    watch.begin(2);
    watch.forget(1);
    expect(watch.begin(3)).toBe(false);
  });

  test('teach how long the next one will take, read one by one or by the list', async () => {
    const watch = aWatch();
    watch.begin(1);
    expect(watch.usualMs(2)).toBeUndefined();
    watch.pass(800);
    watch.forget(1);
    expect(watch.usualMs(2)).toBe(800);
    for (const n of [1, 2, 3]) watch.begin(n);
    watch.pass(800);
    await watch.look();
    watch.pass(200);
    watch.end(1);
    await watch.look();
    expect(watch.usualMs(2)).toBe(900);
  });

  test('are asked for one by one again when the list fails', async () => {
    const watch = aWatch();
    for (const n of [1, 2, 3]) watch.begin(n);
    watch.breakDown();
    await watch.look();
    expect(watch.woken).toEqual([]);
    expect([watch.isLooking(), watch.follow(1)]).toEqual([false, false]);
  });

  test('that began while the list was read are not taken for ended', async () => {
    const watch = aWatch();
    for (const n of [1, 2, 3]) watch.begin(n);
    const looking = watch.look();
    watch.follow(4); // the list cannot have it
    await looking;
    expect(watch.woken).toEqual([]);
  });
});
