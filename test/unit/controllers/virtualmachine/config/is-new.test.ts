import { describe, expect, test } from '@jest/globals';
import { isNew } from '../../../../../controllers/virtualmachine/config/is-new.ts';
import type { VirtualMachineStatus } from '../../../../../src/api/index.ts';
import { aGuest, aMark, configOf } from '../../../../builders/guests.ts';
import { aVirtualMachine, OTHER_UID, UID } from '../../../../builders/objects.ts';

const CLONED: VirtualMachineStatus = { cloneType: 'Linked', internal: { uuid: OTHER_UID } };
const guestWith = (uuid: string) => aGuest({ config: configOf(aMark(), { smbios1: `uuid=${uuid}` }) });
const isNewWith = (status: VirtualMachineStatus, uuid = OTHER_UID): boolean =>
  isNew(aVirtualMachine({ status }), guestWith(uuid));

describe('a guest', () => {
  test('is new once it was cloned, until it is configured', () => {
    expect(isNewWith(CLONED)).toBe(true);
    expect(isNewWith(CLONED, UID)).toBe(false);
    expect(isNewWith({ ...CLONED, internal: { uuid: UID } })).toBe(false);
  });

  test('is not new after its creation was completed, whatever its UUID and the record of it say', () => {
    const createdAt = '2026-03-01T11:00:00Z';
    expect(isNewWith({ ...CLONED, createdAt })).toBe(false);
    expect(isNewWith({ cloneType: 'Full', createdAt })).toBe(false);
  });

  test('is not new where it was adopted', () => {
    expect(isNewWith({ adopted: true })).toBe(false);
  });
});
