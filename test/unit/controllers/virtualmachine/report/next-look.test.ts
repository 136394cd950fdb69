import { describe, expect, test } from '@jest/globals';
import type { Plan } from '../../../../../controllers/virtualmachine/model/plan.ts';
import type { Restart } from '../../../../../controllers/virtualmachine/model/restart.ts';
import { resultOf } from '../../../../../controllers/virtualmachine/report/outcome.ts';
import { aClaim, NOW, seen } from '../../../../builders/guests.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';
import { facts } from '../facts.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const REFUSE: Plan = { kind: 'refuse', reason: 'Odd', message: 'It is odd.' };
const wait = (againMs: number): Plan => ({
  kind: 'wait',
  reason: 'HookWaiting',
  message: 'It waits.',
  againMs,
});

/** After how long the guest is checked again if a restart is due in `restartIn` ms. */
function again(plan: Plan, restartIn?: number): number | undefined {
  const restart: Restart = {
    note: undefined,
    restartedAt: undefined,
    ...(restartIn !== undefined && { againAt: NOW + restartIn }),
  };
  const have = { now: NOW, claim: aClaim({ made: true }), presence: seen(), restart };
  const { outcome } = resultOf(aVirtualMachine(), facts({ plan, have }));
  return 'again' in outcome ? outcome.again : undefined;
}

describe('a restart at a later time', () => {
  test('is not delayed by a plan that looks again after it', () => {
    expect(again(REFUSE, 5 * MINUTE)).toBe(5 * MINUTE);
    expect(again(wait(30 * MINUTE), 5 * MINUTE)).toBe(5 * MINUTE);
  });

  test('delays no plan that looks again before it', () => {
    expect(again(wait(MINUTE), 5 * MINUTE)).toBe(MINUTE);
    expect(again(REFUSE, 40 * MINUTE)).toBe(30 * MINUTE);
    expect(again(REFUSE)).toBe(30 * MINUTE);
  });

  test('is checked within a day, and at once where it is due', () => {
    expect(again(wait(40 * DAY), 30 * DAY)).toBe(DAY);
    expect(again(wait(40 * DAY))).toBe(40 * DAY);
    expect(again(REFUSE, -MINUTE)).toBe(0);
  });
});
