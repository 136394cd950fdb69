import { describe, expect, test } from '@jest/globals';
import { stableRefusal } from '../../../../../controllers/virtualmachine/placement/refusal.ts';
import { NOW } from '../../../../builders/guests.ts';

const short = (free: string, node = 'pve-1') => ({
  ok: false as const,
  reason: 'NoEligibleNode' as const,
  message: `No node can take this VM (${node}: ${free} of memory free, 4 GiB needed).`,
});

describe('why a VM cannot be placed', () => {
  const first = stableRefusal(undefined, short('1.5 GiB'), NOW);

  test('is worded the same while only amounts change', () => {
    const next = stableRefusal(first, short('900 MiB'), NOW + 500_000);
    expect(next.creation.message).toContain('1.5 GiB of memory free');
  });

  test('reports new amounts after ten minutes', () => {
    expect(stableRefusal(first, short('900 MiB'), NOW + 600_000).creation.message).toContain('900 MiB');
  });

  test('reports any other change at once', () => {
    expect(stableRefusal(first, short('1.5 GiB', 'pve-2'), NOW + 1).creation.message).toContain('pve-2');
    const other = { ...first.creation, reason: 'TemplateNotFound' as const };
    expect(stableRefusal(first, other, NOW + 1).creation.reason).toBe('TemplateNotFound');
  });
});
