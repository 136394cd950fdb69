import { describe, expect, test } from '@jest/globals';
import { isOwn } from '../../../../../controllers/virtualmachine/ownership/identity.ts';
import { vmid } from '../../../../../src/lib/units.ts';
import { aClaim, aGuest, aMark, configOf, FOREIGN } from '../../../../builders/guests.ts';
import { OTHER_UID } from '../../../../builders/objects.ts';

const COPIED = { config: configOf(aMark(), { smbios1: `uuid=${OTHER_UID}` }) };
const { placement: _placement, ...existed } = aClaim();

describe('a guest is that of the object', () => {
  test('by its mark and the uid as its SMBIOS UUID, without a claim too', () => {
    expect(isOwn(aGuest(), aMark(), undefined)).toBe(true);
  });

  test('by its mark and the UUID in the line of the mark', () => {
    const config = configOf(aMark({ uuid: OTHER_UID }), { smbios1: `uuid=${OTHER_UID}` });
    expect(isOwn(aGuest({ config }), aMark(), undefined)).toBe(true);
  });

  test('by the claim, before its first configuration', () => {
    expect(isOwn(aGuest(COPIED), aMark(), aClaim())).toBe(true);
    expect(isOwn(aGuest(COPIED), aMark(), aClaim({ uuid: OTHER_UID }))).toBe(true);
  });
});

describe('a guest is not that of the object', () => {
  test.each([
    ['a copy, without a claim', COPIED, undefined],
    ['a copy under another VMID than the claimed one', COPIED, aClaim({ vmid: vmid(300) })],
    ['a copy under the VMID of a guest that was configured', COPIED, aClaim({ uuid: aMark().uid })],
    ['a copy under the VMID of a guest that was cloned and seen', COPIED, aClaim({ uuid: 'another' })],
    ['a copy under a VMID for which nothing was cloned', COPIED, existed],
    ['a guest with the mark of another object', { mark: FOREIGN }, aClaim()],
    ['a guest with our SMBIOS UUID and no mark', { mark: undefined }, aClaim()],
  ])('%s', (_what, guest, claim) => {
    expect(isOwn(aGuest(guest), aMark(), claim)).toBe(false);
  });
});
