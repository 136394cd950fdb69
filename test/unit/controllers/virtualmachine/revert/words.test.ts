import { describe, expect, test } from '@jest/globals';
import { applyIgnored } from '../../../../../controllers/virtualmachine/revert/words.ts';
import { APPLY_AFTER_REVERT } from '../../../../../src/api/index.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';

describe('the annotation that applies the spec after a revert', () => {
  const requestedAt = '2026-03-01T12:00:00Z';
  const ignored = (applyAt: string, state: 'Restored' | 'Applied' = 'Restored') =>
    applyIgnored(
      aVirtualMachine({
        metadata: { annotations: { [APPLY_AFTER_REVERT]: applyAt } },
        status: { internal: { revert: { snapshot: 's', uid: 'u', requestedAt, generation: 1, state } } },
      }),
    );

  test('is reported where it names another time than that of the revert whose state the VM keeps', () => {
    expect(ignored('2026-03-01T12:00:01Z')).toEqual([
      expect.stringMatching(/is 2026-03-01T12:00:01Z.*no effect. Set it to 2026-03-01T12:00:00Z/),
    ]);
    expect(ignored('tomorrow')).toHaveLength(1);
  });

  test('is not reported where it is that time in another spelling, or where the spec applies', () => {
    expect(ignored('2026-03-01T13:00:00+01:00')).toEqual([]);
    expect(ignored('2026-03-01T12:00:01Z', 'Applied')).toEqual([]);
  });
});
