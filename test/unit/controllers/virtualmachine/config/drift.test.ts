import { describe, expect, test } from '@jest/globals';
import {
  appliedAfter,
  judgeDrift,
  replacesAnother,
} from '../../../../../controllers/virtualmachine/config/drift.ts';
import { keyChanges } from '../../../../../controllers/virtualmachine/config/key-changes.ts';
import type { AppliedParts } from '../../../../../controllers/virtualmachine/model/config.ts';
import { aDesiredVm, aGuest, aMark, configOf } from '../../../../builders/guests.ts';

describe('a difference', () => {
  const guest = aGuest({ config: configOf(aMark(), { vcpus: '3', balloon: '512' }) });
  const change = { set: { vcpus: 2 }, delete: ['balloon'] };
  const judge = (recorded: Readonly<Record<string, string>>, policy?: 'Report' | 'Revert') =>
    judgeDrift(change, guest, {
      digests: { cpus: 'this', memory: 'this' },
      recorded,
      partOf: (key) => (key === 'vcpus' ? 'cpus' : 'memory'),
      policy,
    });
  const THIS = { cpus: 'this', memory: 'this' };

  test('comes from the spec where other settings were applied last', () => {
    expect(judge({ cpus: 'that', memory: 'that' })).toEqual({ change });
    expect(judge({})).toEqual({ change });
  });

  test('is drift where these settings were applied last: reported, and left alone', () => {
    expect(judge(THIS)).toEqual({
      change: undefined,
      drift: { summary: 'vcpus 2 → 3, balloon (not set) → 512', keys: ['vcpus', 'balloon'], reverted: false },
    });
  });

  test('is drift in one part, and applied in another', () => {
    expect(judge({ cpus: 'this', memory: 'that' })).toEqual({
      change: { set: {}, delete: ['balloon'] },
      drift: { summary: 'vcpus 2 → 3', keys: ['vcpus'], reverted: false },
    });
  });

  test('is reverted where the policy says so', () => {
    expect(judge(THIS, 'Revert')).toMatchObject({ change, drift: { reverted: true } });
  });

  test('is reported without secrets, and not at length', () => {
    const said = keyChanges(
      { set: { cipassword: 'hunter2', net0: 'x'.repeat(500) }, delete: ['sshkeys'] },
      { sshkeys: 'ssh-ed25519%20AAAA' },
      'forth',
    ).join(' ');
    expect(said).not.toMatch(/hunter2|AAAA/);
    expect(said.length).toBeLessThan(300);
  });
});

describe('what was applied', () => {
  const steady = { kind: 'steady' } as const;
  const parts: AppliedParts = {
    digests: { cpus: 'new', tags: 'new' },
    recorded: { cpus: 'old', gone: 'old' },
    open: ['tags'],
  };
  type Judged = Parameters<typeof appliedAfter>[1];
  const want = aDesiredVm();
  const after = (
    change: Partial<AppliedParts> = {},
    plan: Judged['plan'] = steady,
    more: Partial<Judged> = {},
  ) => appliedAfter(undefined, { plan, want, have: { parts: { ...parts, ...change } }, ...more });

  test('is recorded of each part that nothing is left to do for, while another waits', () => {
    expect(after()).toEqual([{ part: 'cpus', digest: 'new' }]);
    expect(after({}, { kind: 'act', step: { do: 'start' } })).toEqual([{ part: 'cpus', digest: 'new' }]);
  });

  test('is forgotten where another setting is to be applied, and kept where the guest drifted from it', () => {
    expect(after({ open: ['cpus', 'tags'] })).toBeUndefined();
    expect(after({ recorded: { cpus: 'new', tags: 'new' } })).toHaveLength(2);
  });

  test('is not what managementPolicy withholds', () => {
    const withheld = { kind: 'withheld', by: 'ObserveOnly', steps: [] } as const;
    expect(after({ recorded: { tags: 'new' } }, withheld)).toEqual([{ part: 'tags', digest: 'new' }]);
  });

  test('stays as it was where nothing may be written, so that an edit can be taken back', () => {
    const before = [
      { part: 'cpus', digest: 'old' },
      { part: 'gone', digest: 'old' },
    ];
    const withheld = { kind: 'withheld', by: 'ObserveOnly', steps: [] } as const;
    expect(after({ open: ['cpus', 'tags'] }, withheld)).toEqual(before);
    const waits = { kind: 'wait', reason: 'DryRun', message: 'It waits.', againMs: 1 } as const;
    const observed = { want: aDesiredVm({ restraint: 'ObserveOnly' }) };
    for (const more of [{ dryRun: [] }, observed]) {
      expect(after({ open: ['cpus', 'tags'] }, waits, more)).toEqual(before);
      expect(after({ open: ['tags'] }, waits, more)).toEqual(before);
    }
    expect(after({ open: ['cpus', 'tags'] }, waits)).toBeUndefined();
  });

  test('is kept while the guest cannot be read', () => {
    const before = [{ part: 'cpus', digest: 'old' }];
    expect(appliedAfter(before, { plan: steady, want, have: {} })).toBe(before);
  });

  test('is forgotten before a part is applied as something else, or leaves the spec', () => {
    expect(replacesAnother(undefined)).toBe(false);
    expect(replacesAnother({ ...parts, recorded: { gone: 'old' } })).toBe(true);
    expect(replacesAnother({ ...parts, recorded: { tags: 'old' } })).toBe(true);
    expect(replacesAnother({ ...parts, recorded: { cpus: 'old' } })).toBe(false);
    expect(replacesAnother({ ...parts, recorded: { tags: 'new' } })).toBe(false);
  });
});
