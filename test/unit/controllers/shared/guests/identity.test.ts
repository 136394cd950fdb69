import { describe, expect, test } from '@jest/globals';
import { isProven, markFor, smbiosUuidOf } from '../../../../../controllers/shared/guests/identity.ts';
import { parseMark, printMark } from '../../../../../controllers/shared/guests/owner-mark.ts';
import { aMark } from '../../../../builders/guests.ts';
import { OTHER_UID, UID } from '../../../../builders/objects.ts';

describe('the mark of a guest counts', () => {
  test('with the uid of its object as the SMBIOS UUID', () => {
    expect(isProven(aMark(), UID)).toBe(true);
  });

  test('with the UUID that its line names', () => {
    expect(isProven(aMark({ uuid: OTHER_UID }), OTHER_UID)).toBe(true);
  });

  test.each([
    ['another UUID, as a clone has', aMark(), OTHER_UID],
    ['another UUID than its line names', aMark({ uuid: OTHER_UID }), '11111111-2222-3333-4444-555555555555'],
    ['no UUID', aMark(), undefined],
    ['a UUID although its line says that there is none', aMark({ uuid: 'none' }), OTHER_UID],
  ])('not with %s', (_what, mark, uuid) => {
    expect(isProven(mark, uuid)).toBe(false);
  });

  test('not where there is none', () => {
    expect(isProven(undefined, undefined)).toBe(false);
  });
});

describe('the line that settles a doubt', () => {
  test.each([UID, OTHER_UID, undefined])('proves the guest with the UUID %s, and is read back', (uuid) => {
    const mark = parseMark(printMark(markFor(aMark({ uuid: 'old' }), uuid)));
    expect(mark).toEqual(markFor(aMark(), uuid));
    expect(isProven(mark, uuid)).toBe(true);
  });

  test('names no UUID where it is the uid', () => {
    expect(printMark(markFor(aMark(), UID))).toBe(printMark(aMark()));
  });
});

test('the SMBIOS UUID is read in lower case from among the other SMBIOS settings', () => {
  expect(smbiosUuidOf({ smbios1: `base64=1,uuid=${UID.toUpperCase()},serial=MQ==` })).toBe(UID);
  expect(smbiosUuidOf({ smbios1: 'serial=1' })).toBeUndefined();
  expect(smbiosUuidOf({})).toBeUndefined();
});
