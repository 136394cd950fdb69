import { describe, expect, test } from '@jest/globals';
import {
  appliedAfter,
  judgeDrift,
  specDigest,
} from '../../../../../controllers/virtualmachine/config/drift.ts';
import { keyChanges } from '../../../../../controllers/virtualmachine/config/key-changes.ts';
import type { Guest } from '../../../../../controllers/shared/guests/model.ts';
import { bytes, GiB } from '../../../../../src/lib/units.ts';
import { aGuest, aMark, aDesiredVm, configOf, observed, type Wanted } from '../../../../builders/guests.ts';

const ROOM = { maxCpus: 8, nodeCpus: 16 };
const digest = (want: Partial<Wanted> = {}, guest: Partial<Guest> = {}): string =>
  specDigest(aDesiredVm(want), aGuest(guest), ROOM);

describe('the digest of a wish', () => {
  test('is the same for the same wish, whatever the guest looks like', () => {
    const changed = aGuest({ config: configOf(aMark(), { vcpus: '5', memory: '512' }), running: false });
    expect(digest({}, changed)).toBe(digest());
  });

  test('is another for another wish', () => {
    expect(digest({ cpus: 3 })).not.toBe(digest());
    expect(digest({ memory: bytes(4 * GiB) })).not.toBe(digest());
    expect(digest({ nics: [{ name: 'lan', bridge: 'vmbr0' }] })).not.toBe(digest());
  });

  test('does not depend on the order in which the wish is put together', () => {
    const nic = { name: 'lan', bridge: 'vmbr0', vlan: 5 };
    expect(digest({ nics: [{ vlan: 5, bridge: 'vmbr0', name: 'lan' }] })).toBe(digest({ nics: [nic] }));
  });

  test('does not hold what Secrets say, nor what is enforced or undone anyway', () => {
    const secret = { userData: 'password: hunter2', sshKeys: [] };
    expect(digest({ cloudInit: secret, power: 'Off', driftPolicy: 'Revert', graceSeconds: 5 })).toBe(
      digest(),
    );
  });

  test('is another once the guest has the ceiling that its CPUs waited for', () => {
    const config = configOf(aMark(), { cores: '12', vcpus: '8' });
    const waiting = aGuest({ config, pending: [{ key: 'cores', current: '8', pending: '12' }] });
    const restarted = aGuest({ config });
    expect(digest({ cpus: 10 }, waiting)).not.toBe(digest({ cpus: 10 }, restarted));
    expect(digest({ cpus: 10 }, restarted)).toBe(digest({ cpus: 10 }, { config: configOf() }));
  });

  test('is another on a node that the guest does not fit on', () => {
    const small = { maxCpus: 4, nodeCpus: 4 };
    expect(specDigest(aDesiredVm(), aGuest(), small)).not.toBe(digest());
  });
});

describe('what differs from the wish', () => {
  const guest = aGuest({ config: configOf(aMark(), { vcpus: '3', balloon: '512' }) });
  const change = { set: { vcpus: 2 }, delete: ['balloon'] };
  const judge = (applied: string | undefined, policy?: 'Report' | 'Revert') =>
    judgeDrift(change, guest, { digest: 'this', applied, policy });

  test('was changed by the wish where that is another than was brought about', () => {
    expect(judge('that')).toMatchObject({ change });
    expect(judge('that').drift).toBeUndefined();
    expect(judge(undefined).drift).toBeUndefined();
  });

  test('was changed by somebody else where the wish is the same: told, and left alone', () => {
    expect(judge('this')).toMatchObject({
      change: undefined,
      drift: { told: 'vcpus 2 → 3, balloon (not set) → 512', keys: ['vcpus', 'balloon'], reverted: false },
    });
  });

  test('is brought back where the policy says so', () => {
    expect(judge('this', 'Revert')).toMatchObject({ change, drift: { reverted: true } });
  });

  test('is told without secrets, and not at length', () => {
    const said = keyChanges(
      { set: { cipassword: 'hunter2', net0: 'x'.repeat(500) }, delete: ['sshkeys'] },
      { sshkeys: 'ssh-ed25519%20AAAA' },
      'forth',
    ).join(' ');
    expect(said).not.toMatch(/hunter2|AAAA/);
    expect(said.length).toBeLessThan(300);
  });
});

describe('the wish that was brought about', () => {
  const have = (change: Parameters<typeof observed>[0] = {}) =>
    observed({ digests: { digest: 'new', applied: 'old' }, ...change });
  const steady = { kind: 'steady' } as const;

  test('is noted at rest', () => {
    expect(appliedAfter('old', { plan: steady, have: have() })).toBe('new');
    expect(appliedAfter(undefined, { plan: steady, have: have() })).toBe('new');
  });

  test('is forgotten as soon as another is to be, and kept where the guest drifted from it', () => {
    expect(
      appliedAfter('old', { plan: { kind: 'act', step: { do: 'clearApplied' } }, have: have() }),
    ).toBeUndefined();
    const drift = { told: 'vcpus 2 → 3', keys: ['vcpus'], reverted: false };
    expect(appliedAfter('new', { plan: steady, have: have({ drift }) })).toBe('new');
    expect(appliedAfter('old', { plan: steady, have: have({ drift }) })).toBeUndefined();
  });

  test('is kept while the guest cannot be looked at', () => {
    expect(appliedAfter('old', { plan: steady, have: observed() })).toBe('old');
  });
});
