import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import {
  parseBootOrder,
  parseDisk,
  parseNic,
  parseProperties,
  parseVolumeId,
  printProperties,
  property,
  withProperty,
} from '../../../src/pve/index.ts';

describe('property strings', () => {
  test('any text survives a round trip', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(printProperties(parseProperties(text))).toBe(text);
      }),
    );
  });

  const key = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/);
  const value = fc.stringMatching(/^[A-Za-z0-9:=/._-]{1,20}$/);

  test('any list of keys and values survives a round trip, also with = in the values', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ key, value })), (properties) => {
        expect(parseProperties(printProperties(properties))).toEqual(properties);
      }),
    );
  });

  test('setting a key changes nothing else and keeps the order', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ key, value }), { selector: (each) => each.key, minLength: 1 }),
        fc.nat(),
        value,
        (properties, index, desired) => {
          const at = index % properties.length;
          const changed = withProperty(properties, properties[at]!.key, desired);
          expect(changed).toEqual(properties.with(at, { key: properties[at]!.key, value: desired }));
        },
      ),
    );
  });

  test('a new key is appended, and a removed one leaves the rest as it was', () => {
    const disk = parseProperties('local-lvm:vm-1-disk-0,size=32G,ssd=1');
    expect(printProperties(withProperty(disk, 'discard', 'on'))).toBe(
      'local-lvm:vm-1-disk-0,size=32G,ssd=1,discard=on',
    );
    expect(printProperties(withProperty(disk, 'size', undefined))).toBe('local-lvm:vm-1-disk-0,ssd=1');
  });

  test('the element without a key is the value of the default key only', () => {
    const agent = parseProperties('1,fstrim_cloned_disks=1');
    expect(property(agent, 'enabled', 'enabled')).toBe('1');
    expect(property(agent, 'enabled')).toBeUndefined();
    expect(property(agent, 'type', 'enabled')).toBeUndefined();
    expect(property(parseProperties('enabled=0'), 'enabled', 'enabled')).toBe('0');
  });
});

describe('a NIC', () => {
  test.each([
    ['virtio=bc:24:11:00:00:01,bridge=vmbr0,tag=20,firewall=1', 'virtio', 'BC:24:11:00:00:01', 20, true],
    ['bridge=vmbr0,model=e1000,macaddr=BC:24:11:00:00:02', 'e1000', 'BC:24:11:00:00:02', undefined, false],
    ['e1000-82545em=BC:24:11:00:00:03,bridge=vmbr0', 'e1000-82545em', 'BC:24:11:00:00:03', undefined, false],
    ['virtio,bridge=vmbr0', 'virtio', undefined, undefined, false],
  ])('%s is read', (text, model, mac, vlan, firewall) => {
    expect(parseNic(text)).toMatchObject({ model, mac, vlan, firewall, bridge: 'vmbr0', linkDown: false });
  });

  test('keys that are not ours are kept', () => {
    const text = 'virtio=BC:24:11:00:00:01,bridge=vmbr0,queues=4,trunks=5;6,link_down=1,mtu=1';
    const nic = parseNic(text);
    expect(nic).toMatchObject({ linkDown: true, mtu: 1 });
    expect(printProperties(nic.properties)).toBe(text);
  });
});

describe('a disk', () => {
  test.each([
    ['local-lvm:vm-100-disk-0,size=32G', 'local-lvm:vm-100-disk-0', 32 * 1024 ** 3],
    ['size=2252M,file=fast:100/vm-100-disk-0.qcow2', 'fast:100/vm-100-disk-0.qcow2', 2252 * 1024 ** 2],
    ['volume=local:100/a.raw,size=1T', 'local:100/a.raw', 1024 ** 4],
    ['local-zfs:vm-100-efi,size=528K', 'local-zfs:vm-100-efi', 528 * 1024],
    [
      'fast:9000/base-9000-disk-0.qcow2/101/vm-101-disk-0.qcow2',
      'fast:9000/base-9000-disk-0.qcow2/101/vm-101-disk-0.qcow2',
      undefined,
    ],
  ])('%s is read', (text, volume, size) => {
    expect(parseDisk(text)).toMatchObject({ volume, size, cdrom: false, cloudInit: false });
  });

  test.each([
    ['none,media=cdrom', true, false],
    ['local:iso/debian.iso,media=cdrom,size=600M', true, false],
    ['local:100/vm-100-cloudinit.qcow2,media=cdrom', true, true],
    ['local-lvm:vm-100-cloudinit,media=cdrom', true, true],
    ['local-lvm:cloudinit', false, true],
  ])('%s is distinguished from a hard disk', (text, cdrom, cloudInit) => {
    expect(parseDisk(text)).toMatchObject({ cdrom, cloudInit });
  });

  test('a volume ID is cut at its first colon', () => {
    expect(parseVolumeId('local:iso/a:b.iso')).toEqual({ storage: 'local', volume: 'iso/a:b.iso' });
    expect(parseVolumeId('none')).toBeUndefined();
    expect(parseVolumeId('/dev/disk/by-id/pci-0000:00')).toBeUndefined();
    expect(parseVolumeId(':x')).toBeUndefined();
    expect(parseVolumeId('local:')).toBeUndefined();
  });
});

test.each([
  ['order=scsi0;ide2;net0', ['scsi0', 'ide2', 'net0']],
  ['order=scsi0', ['scsi0']],
  [' ', []],
  ['', []],
  ['cdn', undefined],
  ['legacy=cdn', undefined],
])('the boot order "%s" names %j', (text, devices) => {
  expect(parseBootOrder(text)).toEqual(devices);
});
