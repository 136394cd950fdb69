/** Times in status were written by a process whose clock may have been ahead: the next one must not wait for them. */
import { describe, expect, test } from '@jest/globals';
import { withPastMoments } from '../../../../controllers/virtualmachine/observe/past-moments.ts';
import type { VirtualMachine } from '../../../../src/api/index.ts';
import { minutes } from '../../../../src/lib/units.ts';
import { NOW } from '../../../builders/guests.ts';
import { Life } from '../../../builders/life.ts';
import { aVirtualMachine } from '../../../builders/objects.ts';

const YEAR = 365 * 24 * 60 * minutes(1);
const HOOKS: Partial<VirtualMachine['spec']> = {
  lifecycle: {
    postStart: { exec: { command: ['/bin/true'] } },
    preStop: { exec: { command: ['/bin/true'] } },
  },
};

/** The clock of the process is a year ahead for some passes; another process with the right time takes over. */
async function afterAhead(passes: number, begin: (life: Life) => Promise<void> | void): Promise<Life> {
  const life = new Life({ vm: { spec: HOOKS } });
  await begin(life);
  life.ahead = YEAR;
  life.restart();
  for (let pass = 0; pass < passes; pass += 1) await life.pass();
  life.ahead = 0;
  life.restart();
  return life;
}

const PASSES = [0, 1, 2, 3, 5, 8, 13];

describe('an operator that takes over from one whose clock was a year ahead', () => {
  test.each(PASSES)('finishes a VM within minutes, after %i passes of the other', async (passes) => {
    const life = await afterAhead(passes, () => undefined);
    const from = life.now;
    await life.untilReady();
    expect(life.now - from).toBeLessThan(minutes(5));
    expect(life.pve.guests.size).toBe(2);
  });

  test.each(PASSES)('finishes a deletion, after %i passes of the other', async (passes) => {
    const life = await afterAhead(passes, async (begun) => {
      await begun.untilReady();
      begun.store.markDeleted();
    });
    const from = life.now;
    await life.until(() => life.store.live() === undefined);
    expect(life.now - from).toBeLessThan(minutes(5));
  });
});

describe('times in a status', () => {
  const iso = (ms: number): string => new Date(ms).toISOString();
  const vmWith = (time: string) =>
    aVirtualMachine({
      status: {
        failure: { step: 'Start', message: 'no', attempts: 1, at: time, generation: 1 },
        task: { upid: 'UPID:x' as never, type: 'Start', startedAt: time },
        hook: { name: 'preStop', state: 'Running', since: time, generation: 1 },
        internal: { claimedAt: time, cloudInit: { mode: 'Image', deliveredAt: time } },
      },
    });

  test.each([iso(NOW + YEAR), iso(NOW + minutes(1)), 'yesterday'])('that are %s count as now', (time) => {
    const now = iso(NOW);
    expect(withPastMoments(vmWith(time), NOW)).toEqual(vmWith(now));
  });

  test.each([iso(NOW - YEAR), iso(NOW), iso(NOW + 1000)])('that are %s stay as they are', (time) => {
    const vm = vmWith(time);
    expect(withPastMoments(vm, NOW)).toBe(vm);
  });

  test('that are absent stay so', () => {
    for (const vm of [aVirtualMachine(), aVirtualMachine({ status: { internal: {} } })])
      expect(withPastMoments(vm, NOW)).toBe(vm);
  });
});
