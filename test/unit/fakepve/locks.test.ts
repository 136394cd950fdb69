import { describe, expect, test } from '@jest/globals';
import { RunningClock } from '../../fakepve/clock.ts';
import { Locks } from '../../fakepve/locks.ts';

const patient = { timeoutMs: 60_000 };

function gate(): { open: () => void; passed: Promise<true> } {
  const { promise, resolve } = Promise.withResolvers<true>();
  return { open: () => resolve(true), passed: promise };
}

describe('guest locks', () => {
  test('let one work at a time, in the order of asking', async () => {
    const locks = new Locks(new RunningClock());
    const first = gate();
    const done: string[] = [];
    const all = [
      locks.hold(100, () => first.passed.then(() => done.push('first')), patient),
      locks.hold(100, () => Promise.resolve(done.push('second')), patient),
      locks.hold(100, () => Promise.resolve(done.push('third')), patient),
    ];
    first.open();
    await Promise.all(all);
    expect(done).toEqual(['first', 'second', 'third']);
  });

  test('of different guests are independent', async () => {
    const locks = new Locks(new RunningClock());
    const first = gate();
    const held = locks.hold(100, () => first.passed, patient);
    await expect(locks.hold(101, () => Promise.resolve('free'), patient)).resolves.toBe('free');
    first.open();
    await held;
  });

  test('are shared among shared holders only', async () => {
    const locks = new Locks(new RunningClock());
    const both = gate();
    const shared = { ...patient, mode: 'shared' } as const;
    const one = locks.hold(100, () => both.passed, shared);
    const two = locks.hold(100, () => Promise.resolve('together'), shared);
    await expect(two).resolves.toBe('together');
    await expect(locks.hold(100, () => Promise.resolve(), { timeoutMs: 1 })).rejects.toThrow(
      "can't lock file",
    );
    both.open();
    await one;
  });

  test('time out, and are taken by the next waiter', async () => {
    const locks = new Locks(new RunningClock());
    const first = gate();
    const log: string[] = [];
    const held = locks.hold(100, () => first.passed, patient);
    const impatient = locks.hold(100, () => Promise.resolve(), {
      timeoutMs: 1,
      log: (line) => void log.push(line),
    });
    await expect(impatient).rejects.toThrow(
      "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout",
    );
    expect(log).toEqual(['trying to acquire lock...']);
    const next = locks.hold(100, () => Promise.resolve('mine'), patient);
    first.open();
    await held;
    await expect(next).resolves.toBe('mine');
  });

  test('are free again after work that failed', async () => {
    const locks = new Locks(new RunningClock());
    await expect(locks.hold(100, () => Promise.reject(new Error('no')), patient)).rejects.toThrow('no');
    await expect(locks.hold(100, () => Promise.resolve('free'), patient)).resolves.toBe('free');
  });
});
