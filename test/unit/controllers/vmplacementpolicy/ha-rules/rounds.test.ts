/** Reading HA rules once for all policies of a Provider. */
import { expect, test } from '@jest/globals';
import { vmid } from '../../../../../src/lib/units.ts';
import type { Pve } from '../../../../../src/pve/index.ts';
import { createHaRounds } from '../../../../../controllers/vmplacementpolicy/ha-rules/rounds.ts';

function rig() {
  const clock = { now: 0, reads: 0, fails: false };
  const ha = {
    rules: () => {
      clock.reads += 1;
      return clock.fails ? Promise.reject(new Error('no answer')) : Promise.resolve([]);
    },
    resources: () => Promise.resolve([vmid(101)]),
  };
  return { clock, pve: { ha } as unknown as Pve, rounds: createHaRounds(() => clock.now) };
}

test('policies that look at the same time, or soon after, share one read', async () => {
  const { clock, pve, rounds } = rig();
  const all = await Promise.all(Array.from({ length: 50 }, () => rounds.recent(pve)));
  expect(all[49]?.resources).toEqual(new Set([101]));
  clock.now = 11_000;
  await rounds.recent(pve);
  expect(clock.reads).toBe(1);
  clock.now = 13_000;
  await rounds.recent(pve);
  expect(clock.reads).toBe(2);
});

test('a failed read is not repeated by each policy', async () => {
  const { clock, pve, rounds } = rig();
  clock.fails = true;
  for (let n = 0; n < 5; n += 1) await expect(rounds.recent(pve)).rejects.toThrow('no answer');
  expect(clock.reads).toBe(1);
});

test('what a change is based on is read for it, and what was read before a change is forgotten', async () => {
  const { clock, pve, rounds } = rig();
  await rounds.recent(pve);
  await rounds.fresh(pve);
  expect(clock.reads).toBe(2);
  rounds.forget(pve);
  await rounds.recent(pve);
  expect(clock.reads).toBe(3);
});
