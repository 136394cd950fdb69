import { describe, expect, test } from '@jest/globals';
import fc from '../../../builders/fast-check.ts';
import {
  describeSnapshot,
  parseIdentity,
  printIdentity,
} from '../../../../controllers/shared/guests/snapshot-identity.ts';
import { namesFor } from '../../../../controllers/vmsnapshot/naming/names.ts';
import { arbitraryText } from '../../../builders/arbitrary-text.ts';

/** PVE's `pve-configid` with its maximum, and the names that it keeps for itself. */
const ACCEPTED = /^[a-z][a-z0-9_-]{1,39}$/i;
const object = (name: string, uid = 'uid-1', namespace = 'default') => ({ namespace, name, uid });

describe('the name of a snapshot in Proxmox VE', () => {
  test('is that of the object where Proxmox VE accepts it', () => {
    for (const name of ['before-upgrade', 'ab', 'a'.repeat(40)]) expect(namesFor(object(name))[0]).toBe(name);
  });

  test('snapshot-name-with-dots-and-60-chars: is readable and stays the same', () => {
    const name = `nightly.2026.03.01.${'x'.repeat(41)}`;
    const [first, ...others] = namesFor(object(name));
    expect(name).toHaveLength(60);
    expect(others).toEqual([]);
    expect(first).toMatch(/^nightly-2026-03-01-x+-[0-9a-f]{8}$/);
    expect(first).toHaveLength(40);
    expect(namesFor(object(name))).toEqual([first]);
  });

  test.each(['current', 'pending', '1st', 'a', '2026.03.01', '0'])('is another one than %s', (name) => {
    const [first] = namesFor(object(name));
    expect(first).not.toBe(name);
    expect(first).toMatch(ACCEPTED);
  });

  test('has another suffix for another object: of a name that differs at its end, or that was created again', () => {
    const long = 'x'.repeat(60);
    const names = [
      object(`${long}a`),
      object(`${long}b`),
      object(`${long}a`, 'uid-2'),
      object(`${long}a`, 'uid-1', 'other'),
    ].map((each) => namesFor(each)[0]);
    expect(new Set(names).size).toBe(names.length);
  });

  test('is always accepted', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/), fc.uuid(), (name, uid) => {
        for (const each of namesFor(object(name, uid))) {
          expect(each).toMatch(ACCEPTED);
          expect(['current', 'pending']).not.toContain(each.toLowerCase());
        }
      }),
    );
  });
});

describe('the line in the description', () => {
  const identity = { cluster: 'c', namespace: 'default', name: 'before-upgrade', uid: 'uid-1' };

  test('is found whatever the text above it is, even if that is a line of another object', () => {
    fc.assert(
      fc.property(arbitraryText, (text) => {
        expect(parseIdentity(describeSnapshot(text, printIdentity(identity)))).toEqual(identity);
      }),
    );
    const copied = printIdentity({ ...identity, uid: 'uid-2' });
    expect(parseIdentity(describeSnapshot(copied, printIdentity(identity)))).toEqual(identity);
  });

  test('is not found in other texts', () => {
    for (const text of [
      '',
      'before the upgrade',
      'virtrigaud: c/default/web/uid-1',
      'x virtrigaud-snapshot: a/b/c/d',
    ])
      expect(parseIdentity(text)).toBeUndefined();
  });
});
