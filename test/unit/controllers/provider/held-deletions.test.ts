import { describe, expect, test } from '@jest/globals';
import { withHeldDeletions } from '../../../../controllers/provider/held-deletions.ts';
import { settled } from '../../../../src/runtime/outcome.ts';
import { aProvider } from '../../../builders/objects.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const HELD = { maxPerMinute: 5, waiting: [] };
const provider = (since?: string) => ({
  ...aProvider({ deletionProtection: { maxPerMinute: 5 } }),
  status: since === undefined ? {} : { deletionsHeldSince: since },
});
const reported = (since?: string, held: typeof HELD | 'none' = HELD) =>
  withHeldDeletions(
    { outcome: settled(), status: { ...provider(since).status, healthy: true } },
    provider(since),
    {
      held: held === 'none' ? undefined : held,
      now: NOW,
    },
  );

describe('a Provider whose VMs wait for a confirmation of their deletion', () => {
  test('records since when, once, and announces it once', () => {
    const first = reported();
    expect(first.status.deletionsHeldSince).toBe('2026-03-01T12:00:00.000Z');
    expect(first.events).toMatchObject([{ type: 'Warning', reason: 'DeletionsHeld' }]);
    const later = reported('2026-03-01T11:00:00Z');
    expect(later.status.deletionsHeldSince).toBe('2026-03-01T11:00:00Z');
    expect(later.events).toEqual([]);
    expect(later.conditions).toEqual(first.conditions);
  });

  test('says how they are confirmed and how a guest is kept', () => {
    const [condition] = reported().conditions ?? [];
    expect(condition).toMatchObject({ type: 'DeletionsHeld', status: 'True' });
    expect(condition?.message).toContain(
      'annotate --overwrite provider pve virtrigaud.io/confirm-deletions=',
    );
    expect(condition?.message).toContain('deletionPolicy');
  });

  test('forgets it once none waits', () => {
    const { status, conditions } = reported('2026-03-01T11:00:00Z', 'none');
    expect(status).toEqual({ healthy: true });
    expect(conditions).toBeUndefined();
  });
});
