import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { driveSlot } from '../../../../../controllers/virtualmachine/cloud-init/slot.ts';
import type { Guest, GuestConfig } from '../../../../../controllers/shared/guests/model.ts';
import type { VirtualMachineStatus } from '../../../../../src/api/index.ts';
import { aGuest } from '../../../../builders/guests.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';

const DISK = 'local-lvm:vm-101-disk-1,size=8G';
const DRIVE = 'local-lvm:vm-101-cloudinit,media=cdrom';
const ISO = 'local:iso/install.iso,media=cdrom,size=1G';
const EMPTY = 'none,media=cdrom';
const OURS = 'local:iso/virtrigaud-101-0123456789abcdef01234567.iso';

interface Case {
  readonly config?: GuestConfig;
  readonly pending?: Guest['pending'];
  readonly status?: VirtualMachineStatus;
}

function slotOf({ config = {}, pending = [], status = {} }: Case): string {
  const slot = driveSlot(
    aVirtualMachine({ status }),
    aGuest({ config: { scsi0: DISK, boot: 'order=scsi0', ...config }, pending }),
  );
  return 'value' in slot ? slot.value : slot.problem;
}

const cloudInit = (device: string, volume?: string): VirtualMachineStatus => ({
  internal: { cloudInit: { mode: 'Image', device, ...(volume !== undefined && { volume }) } },
});

describe('the slot of the drive with cloud-init data', () => {
  test.each([
    ['where nothing says otherwise: ide2', {}, 'ide2'],
    ["of Proxmox VE's own drive, on IDE", { ide0: DRIVE }, 'ide0'],
    ["of Proxmox VE's own drive, on SCSI, as cloud kernels need it", { scsi1: DRIVE, ide2: EMPTY }, 'scsi1'],
    ["of Proxmox VE's own drive, on SATA", { sata5: DRIVE }, 'sata5'],
    ['of an empty CD drive', { ide0: EMPTY }, 'ide0'],
    ['next to a disk', { ide2: DISK }, 'ide0'],
    ['next to a foreign CD', { ide2: ISO }, 'ide0'],
    ['next to the physical drive of the node', { ide2: 'cdrom,media=cdrom' }, 'ide0'],
    ['on SATA where IDE is full', { ide0: DISK, ide1: DISK, ide2: ISO, ide3: DISK }, 'sata0'],
    ['on SCSI on a machine of ARM, which has neither IDE nor SATA', { arch: 'aarch64' }, 'scsi1'],
  ])('is the one %s', (_which, config: GuestConfig, expected) => {
    expect(slotOf({ config })).toBe(expected);
  });

  test('is where our image is, and where it was', () => {
    expect(slotOf({ config: { sata2: `${OURS},media=cdrom` }, status: cloudInit('ide2', OURS) })).toBe(
      'sata2',
    );
    expect(slotOf({ config: { scsi7: EMPTY, ide2: EMPTY }, status: cloudInit('scsi7') })).toBe('scsi7');
    expect(slotOf({ status: cloudInit('scsi7') })).toBe('scsi7');
  });

  test('stays on the bus that the system can read when the slot is taken', () => {
    expect(slotOf({ config: { scsi7: DISK }, status: cloudInit('scsi7') })).toBe('scsi1');
    const full = Object.fromEntries(['ide0', 'ide1', 'ide2', 'ide3'].map((slot) => [slot, DISK]));
    expect(slotOf({ config: full, status: cloudInit('ide2') })).toContain(
      'every slot of ide holds a disk or a CD',
    );
  });

  test('is none that is in use until the next start', () => {
    expect(slotOf({ pending: [{ key: 'ide2', current: DISK }] })).toBe('ide0');
    expect(slotOf({ pending: [{ key: 'scsi1', current: DRIVE }] })).toBe('scsi2');
  });

  test('is none that a disk of the spec is about to get', () => {
    const disks = [{ name: 'data', device: 'scsi1' }];
    expect(slotOf({ config: { arch: 'aarch64' }, status: { disks } })).toBe('scsi2');
  });

  test('never holds a disk or a foreign CD', () => {
    const slots = ['ide0', 'ide1', 'ide2', 'ide3', 'sata0', 'sata1', 'scsi1', 'scsi2'];
    const contents = fc.constantFrom(DISK, ISO, EMPTY, 'cdrom,media=cdrom');
    const configs = fc.dictionary(fc.constantFrom(...slots), contents, { noNullPrototype: true });
    fc.assert(
      fc.property(configs, fc.option(fc.constantFrom(...slots), { nil: undefined }), (config, device) => {
        const chosen = slotOf({ config, status: device === undefined ? {} : cloudInit(device) });
        expect([undefined, EMPTY]).toContain(config[chosen]);
      }),
    );
  });
});
