import { describe, expect, test } from '@jest/globals';
import { vmid } from '../../../../../src/lib/units.ts';
import { driveSlot } from '../../../../../controllers/virtualmachine/cloud-init/slot.ts';
import { copiedKeys, hadData } from '../../../../../controllers/virtualmachine/config/copied.ts';
import { recordedDisks } from '../../../../../controllers/virtualmachine/config/copied-disks.ts';
import { SOURCE_CONFIG } from '../../../../builders/clone-sources.ts';
import { aGuest } from '../../../../builders/guests.ts';
import { aVirtualMachine, UID, type VirtualMachineChange } from '../../../../builders/objects.ts';

const IMAGE = 'local:iso/virtrigaud-200-0123456789abcdef.iso,media=cdrom,size=366K';
const NEW = { vmid: vmid(101), cloneType: 'Full' } as const;

const copy = ({ spec, status }: VirtualMachineChange = {}) =>
  aVirtualMachine({ spec: { cloneFrom: { vmRef: { name: 'db' } }, ...spec }, status: { ...NEW, ...status } });
const guest = (config: Readonly<Record<string, string>> = {}) =>
  aGuest({ config: { ...SOURCE_CONFIG, ...config } });

describe('of a VM that was cloned, its copy', () => {
  test('keeps neither cloud-init image nor snippet', () => {
    expect(copiedKeys(copy(), guest({ ide2: IMAGE }))).toEqual({
      set: { ide2: 'none,media=cdrom' },
      delete: ['cicustom'],
    });
  });

  test('takes the drive of that image for its own', () => {
    expect(driveSlot(copy(), guest({ ide2: IMAGE }))).toEqual({ value: 'ide2' });
    expect(
      driveSlot(
        aVirtualMachine({ status: { ...NEW, name: 'web', createdAt: 'before' } }),
        guest({ ide2: IMAGE }),
      ),
    ).toEqual({
      value: 'ide0',
    });
  });

  test('keeps a CD of somebody else', () => {
    const cd = guest({ ide2: 'local:iso/debian-13.iso,media=cdrom' });
    expect(copiedKeys(copy(), cd).set).toEqual({});
    expect(driveSlot(copy(), cd)).toEqual({ value: 'ide0' });
  });

  test('keeps its own image, and nothing is removed once it is configured', () => {
    const own = 'local:iso/virtrigaud-101-0123456789abcdef.iso';
    const internal = { cloudInit: { mode: 'Image' as const, volume: own } };
    expect(copiedKeys(copy({ status: { internal } }), guest({ ide2: `${own},media=cdrom` })).set).toEqual({});
    expect(copiedKeys(copy({ status: { internal: { uuid: UID } } }), guest({ ide2: IMAGE }))).toEqual({
      set: {},
      delete: [],
    });
  });

  test.each([
    ['the image is there', { ide2: IMAGE }, true],
    ['its drive is empty', { ide2: 'none,media=cdrom' }, true],
    ['there is the CD of somebody else', { ide2: 'local:iso/debian-13.iso,media=cdrom' }, false],
  ])('counts as given data where %s', (_what, config, expected) => {
    expect(hadData(copy(), guest(config))).toBe(expected);
  });

  test('has the disks that its spec names where they were copied to, and no others', () => {
    const placement = {
      ...{ template: vmid(200), node: 'pve-1' as never },
      disks: ['data', 'logs', 'gone'].map((name, n) => ({ name, device: `scsi${n + 1}` })),
    };
    const disks = ['data', 'gone'].map((name) => ({ name }));
    const vm = copy({ spec: { disks: disks }, status: { placement } });
    expect(recordedDisks(vm, guest({ scsi2: 'local-lvm:vm-200-disk-2' }))).toEqual([
      { name: 'data', device: 'scsi1', volume: 'local-lvm:vm-200-disk-1' },
    ]);
  });
});
