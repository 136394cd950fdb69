import { describe, expect, test } from '@jest/globals';
import { displacedDrive, ownDrive } from '../../../../../controllers/virtualmachine/cloud-init/own-drive.ts';
import type { GuestConfig } from '../../../../../controllers/shared/guests/model.ts';
import type { VirtualMachineInternal, VirtualMachineStatus } from '../../../../../src/api/index.ts';
import { aGuest, aMark, configOf } from '../../../../builders/guests.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';

const VOLUME = 'local-lvm:vm-101-cloudinit';
const DRIVE = `${VOLUME},media=cdrom`;
const ISO = 'local:iso/x.iso,media=cdrom';
const SEEN = { device: 'ide2', volume: VOLUME };
const DISPLACED = { ...SEEN, displaced: true };

const at = (
  config: GuestConfig,
  drive?: VirtualMachineInternal['drive'],
  status: VirtualMachineStatus = {},
) =>
  [
    aVirtualMachine({ status: { ...status, ...(drive && { internal: { drive } }) } }),
    aGuest({ config: configOf(aMark(), config), running: false }),
  ] as const;

describe("the volume of Proxmox VE's own drive", () => {
  test('is recorded when the guest is seen with it', () => {
    expect(ownDrive(...at({ ide2: DRIVE }))).toEqual(SEEN);
    expect(displacedDrive(...at({ ide2: DRIVE }, SEEN))).toBeUndefined();
  });

  test('is not recorded of a guest that was never configured', () => {
    const fresh = { ide2: DRIVE, smbios1: 'uuid=22222222-2222-2222-2222-222222222222' };
    expect(ownDrive(...at(fresh, undefined, { cloneType: 'Linked' }))).toBeUndefined();
  });

  test.each([
    ['emptied', { ide2: 'none,media=cdrom' }],
    ['removed', {}],
  ])('is forgotten where the drive was %s: Proxmox VE freed it', (_how, config: GuestConfig) => {
    expect(ownDrive(...at(config, SEEN))).toBeUndefined();
  });

  test.each([
    ['a CD replaces it', { ide2: ISO }, SEEN, 'ide0'],
    ['a CD replaced it', { ide2: 'none,media=cdrom' }, DISPLACED, 'ide2'],
  ])('is attached again before the guest is destroyed where %s', (_where, config, drive, device) => {
    expect(ownDrive(...at(config, drive))).toEqual(DISPLACED);
    expect(displacedDrive(...at(config, drive))).toEqual({ device, volume: VOLUME });
  });

  test('that was never seen in the guest does not belong to it, under any name', () => {
    expect(ownDrive(...at({ ide2: ISO }))).toBeUndefined();
    expect(displacedDrive(...at({ ide2: ISO }))).toBeUndefined();
  });
});
