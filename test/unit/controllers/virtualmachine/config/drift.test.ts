import { describe, expect, test } from '@jest/globals';
import { appliedAfter, judgeDrift } from '../../../../../controllers/virtualmachine/config/drift.ts';
import { keyChanges } from '../../../../../controllers/virtualmachine/config/key-changes.ts';
import { aGuest, aMark, configOf, observed } from '../../../../builders/guests.ts';

describe('a difference', () => {
  const guest = aGuest({ config: configOf(aMark(), { vcpus: '3', balloon: '512' }) });
  const change = { set: { vcpus: 2 }, delete: ['balloon'] };
  const judge = (applied: string | undefined, policy?: 'Report' | 'Revert') =>
    judgeDrift(change, guest, { digest: 'this', applied, policy });

  test('comes from the spec where other settings were applied last', () => {
    expect(judge('that')).toMatchObject({ change });
    expect(judge('that').drift).toBeUndefined();
    expect(judge(undefined).drift).toBeUndefined();
  });

  test('is drift where these settings were applied last: reported, and left alone', () => {
    expect(judge('this')).toMatchObject({
      change: undefined,
      drift: { summary: 'vcpus 2 → 3, balloon (not set) → 512', keys: ['vcpus', 'balloon'], reverted: false },
    });
  });

  test('is reverted where the policy says so', () => {
    expect(judge('this', 'Revert')).toMatchObject({ change, drift: { reverted: true } });
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

describe('the digest that was applied', () => {
  const have = (change: Parameters<typeof observed>[0] = {}) =>
    observed({ digests: { digest: 'new', applied: 'old' }, ...change });
  const steady = { kind: 'steady' } as const;

  test('is recorded once nothing is left to do', () => {
    expect(appliedAfter('old', { plan: steady, have: have() })).toBe('new');
    expect(appliedAfter(undefined, { plan: steady, have: have() })).toBe('new');
  });

  test('is forgotten as soon as other settings are to be applied, and kept where the guest drifted from it', () => {
    expect(
      appliedAfter('old', { plan: { kind: 'act', step: { do: 'clearApplied' } }, have: have() }),
    ).toBeUndefined();
    const drift = { summary: 'vcpus 2 → 3', keys: ['vcpus'], reverted: false };
    const digests = { digest: 'new', applied: 'new' };
    expect(appliedAfter('new', { plan: steady, have: have({ drift, digests }) })).toBe('new');
    expect(appliedAfter('old', { plan: steady, have: have({ drift }) })).toBeUndefined();
  });

  test.each([
    ['a disk waits for the snapshots of the VM', 'It is moved once the VM has no snapshots.'],
    ['a disk waits for a restart', 'It is moved after the restart that applies its pending changes.'],
    ['a disk waits for its storage', 'Storage nowhere is not available for disks on node pve-1.'],
    ['a detached disk waits to be destroyed', 'It will be destroyed once the VM has no snapshots.'],
  ])('is not recorded while %s', (_why, waits) => {
    const disks = {
      entries: [],
      unrecorded: false,
      steps: [],
      unmakeable: [],
      waits: [waits],
      differences: [waits],
    };
    expect(appliedAfter(undefined, { plan: steady, have: have({ disks }) })).toBeUndefined();
    expect(appliedAfter('old', { plan: steady, have: have({ disks }) })).toBeUndefined();
  });

  test('is not recorded while a move waits for a slot', () => {
    const queued = { kind: 'wait', reason: 'MoveQueued', message: '', againMs: 1, restIsDone: true } as const;
    expect(appliedAfter(undefined, { plan: queued, have: have() })).toBeUndefined();
  });

  test('is kept while the guest cannot be looked at', () => {
    expect(appliedAfter('old', { plan: steady, have: observed() })).toBe('old');
  });
});
