import { describe, expect, test } from '@jest/globals';
import {
  deviceKeys,
  desiredDevice,
  mappedDevices,
} from '../../../../../controllers/virtualmachine/config/devices.ts';
import { separateDevices } from '../../../../../controllers/virtualmachine/config/device-writes.ts';
import { configChange } from '../../../../../controllers/virtualmachine/config/change.ts';
import { unsupportedSentences } from '../../../../../controllers/virtualmachine/config/versions.ts';
import { partOfKey } from '../../../../../controllers/virtualmachine/config/parts.ts';
import { hardwareOf } from '../../../../../controllers/virtualmachine/report/hardware.ts';
import type { GuestConfig } from '../../../../../controllers/shared/guests/model.ts';
import fc from '../../../../builders/fast-check.ts';
import { configured } from '../../../../builders/guest-model.ts';
import { aDesiredVm, aGuest, aMark, configOf, NOW } from '../../../../builders/guests.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';

const GPU = desiredDevice({ pciMapping: 'gpu' });
const STICK = desiredDevice({ usbMapping: 'stick' });
const VM = aVirtualMachine({ status: { createdAt: '2026-03-01T12:00:00Z' } });
const NOTHING = { set: {}, delete: [] };

describe('devices by resource mapping', () => {
  test('get the first slots that are free', () => {
    const config = { hostpci0: '0000:01:00.0', usb0: 'spice' };
    expect(deviceKeys([GPU, GPU, STICK], config)).toEqual({
      set: { hostpci1: 'mapping=gpu', hostpci2: 'mapping=gpu', usb1: 'mapping=stick' },
      delete: [],
    });
  });

  test('stay where they are, whatever the order of the list', () => {
    const config = { hostpci0: 'mapping=nic', hostpci3: 'mapping=gpu,rombar=0' };
    expect(deviceKeys([GPU, desiredDevice({ pciMapping: 'nic' })], config)).toEqual(NOTHING);
  });

  test('that leave the list are removed, and those by address never', () => {
    const config = { hostpci0: 'mapping=gpu', hostpci1: '0000:01:00.0', usb0: 'host=1234:5678' };
    expect(deviceKeys([], config)).toEqual({ set: {}, delete: ['hostpci0'] });
  });

  test('have the properties that the spec names, and keep others', () => {
    const device = desiredDevice({ pciMapping: 'gpu', pcie: true, primaryGPU: false });
    expect(deviceKeys([device], { hostpci0: 'mapping=gpu,x-vga=1,rombar=0' }).set).toEqual({
      hostpci0: 'mapping=gpu,rombar=0,pcie=1',
    });
    expect(deviceKeys([desiredDevice({ usbMapping: 'stick', usb3: true })], {}).set).toEqual({
      usb0: 'mapping=stick,usb3=1',
    });
  });

  test('are settled after one write, for any list', () => {
    const names = fc.constantFrom('gpu', 'nic', 'stick');
    const wanted = fc.array(
      fc.oneof(
        names.map((pciMapping) => desiredDevice({ pciMapping, pcie: true })),
        names.map((usbMapping) => desiredDevice({ usbMapping })),
      ),
      { maxLength: 12 },
    );
    const has = fc.dictionary(
      fc.constantFrom('hostpci0', 'hostpci5', 'usb2'),
      fc.constantFrom('mapping=gpu', 'mapping=nic,pcie=1', '0000:01:00.0'),
    );
    fc.assert(
      fc.property(wanted, has, (devices, before) => {
        const { set, delete: gone } = deviceKeys(devices, before);
        const isDue = Object.keys(set).length + gone.length > 0;
        const after = isDue ? configured(101, before, set, gone) : before;
        expect(deviceKeys(devices, after)).toEqual(NOTHING);
        const counted = (list: readonly string[]) => list.toSorted();
        expect(counted(mappedDevices(after).map(({ mapping }) => mapping))).toEqual(
          counted(devices.map(({ mapping }) => mapping)),
        );
      }),
    );
  });
});

describe('a device of the spec', () => {
  const change = (config: GuestConfig, release?: string) =>
    configChange(VM, aDesiredVm({ devices: [GPU] }), aGuest({ config: configOf(aMark(), config) }), {
      cloudInit: undefined,
      maxCpus: 8,
      nodeCpus: 16,
      release,
    });

  test('is written alone, and blocks nothing where Proxmox VE refuses it', () => {
    const guest = aGuest();
    const pveMessage = 'Permission check failed (/mapping/pci/gpu, Mapping.Use)';
    const separated = separateDevices(change({}), guest, {
      refusedWrites: { hostpci0: { value: 'mapping=gpu', pveMessage, at: NOW } },
      isNew: false,
      now: NOW,
    });
    expect(separated.change).toBeUndefined();
    expect(separated.devices).toMatchObject({
      writes: [],
      refused: [expect.stringContaining('grant Mapping.Use on the resource mapping')],
    });
    const first = separateDevices(change({}), guest, { refusedWrites: {}, isNew: true, now: NOW });
    expect(first.devices?.writes).toEqual([{ key: 'hostpci0', value: 'mapping=gpu' }]);
  });

  test('is not sent to a version that has no mappings, which is reported', () => {
    expect(change({}, '8.0')?.set).toEqual({ hostpci0: 'mapping=gpu' });
    expect(change({}, '7.4')).toBeUndefined();
    const sentences = (release: string) =>
      unsupportedSentences(aDesiredVm({ devices: [GPU] }), aGuest(), release);
    expect(sentences('8.0')).toEqual([]);
    expect(sentences('7.4')).toEqual([expect.stringContaining('needs Proxmox VE 8.0 or newer')]);
  });

  test('waits and drifts by itself', () => {
    const partOf = partOfKey(VM, aDesiredVm({ devices: [GPU] }), aGuest());
    expect(['hostpci0', 'usb3', 'numa'].map(partOf)).toEqual(['devices', 'devices', 'settings']);
  });

  test('is reported once the VM has it', () => {
    const config = configOf(aMark(), { hostpci0: 'mapping=gpu', usb0: 'host=1234:5678' });
    expect(hardwareOf(aGuest({ config })).devices).toEqual([{ device: 'hostpci0', mapping: 'gpu' }]);
    const pending = [{ key: 'hostpci0', pending: 'mapping=gpu' }];
    expect(hardwareOf(aGuest({ config, pending })).devices).toBeUndefined();
  });
});
