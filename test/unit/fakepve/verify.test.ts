import { describe, expect, test } from '@jest/globals';
import { endpoints } from '../../fakepve/schema/schema.ts';
import { verifyAll } from '../../fakepve/schema/verify.ts';
import type { Values } from '../../fakepve/schema/verify.ts';

const create = endpoints.get('POST /nodes/{node}/qemu')!;
const complaint = (values: Values): Readonly<Record<string, string>> =>
  verifyAll({ node: 'pve1', vmid: '100', ...values }, create.params);

describe('parameter verification', () => {
  test('accepts what the schema allows', () => {
    const values = {
      cores: '2',
      onboot: 'Yes',
      cpulimit: '1.5',
      cpu: 'x86-64-v3,flags=+aes;-pcid',
      net0: 'virtio,bridge=vmbr0,tag=20',
      scsi30: 'local:1,discard=on',
      ipconfig0: 'ip=192.0.2.1/24,gw=192.0.2.254,ip6=auto',
      boot: 'order=scsi0;net0',
      tags: 'a;b,c',
    };
    expect(complaint(values)).toEqual({});
  });

  test.each([
    ['cores', '1.5', "type check ('integer') failed - got '1.5'"],
    ['onboot', '2', "type check ('boolean') failed - got '2'"],
    ['cpulimit', '129', 'value must have a maximum value of 128'],
    ['cpulimit', '-1', 'value must have a minimum value of 0'],
    ['bios', 'uefi', "value 'uefi' does not have a value in the enumeration 'seabios, ovmf'"],
    ['name', '-x', 'invalid format - value does not look like a valid DNS name\n'],
    ['serial0', 'tty', 'value does not match the regex pattern'],
    [
      'cpu',
      'haswell',
      "invalid format - Built-in cputype 'haswell' is not defined (missing 'custom-' prefix?)\n",
    ],
    ['cpu', 'custom-mine', "invalid format - Custom cputype 'mine' not found\n"],
    ['cpu', 'host,flags=+warp', expect.stringContaining('VM-specific CPU flags must be a subset of: aes,')],
    ['scsi2', 'local:1,vendor=ACMEACMEACME', expect.stringContaining('scsi2.vendor: value does not match')],
    ['smbios1', 'serial=a b', expect.stringContaining('smbios1.serial: value does not match')],
    ['description', 'x'.repeat(8193), 'value may only be 8192 characters long'],
    ['hotplug', 'disk,gpu', "invalid format - invalid hotplug feature 'gpu'\n"],
    ['tags', 'a;b c!', 'invalid format - invalid characters in tag\n'],
    ['pool', 'a b', "invalid format - pool name 'a b' contains invalid characters\n"],
    [
      'virtio16',
      'local:1',
      'property is not defined in schema and the schema does not allow additional properties',
    ],
  ])('refuses %s=%s in PVE words', (name, value, text) => {
    expect(complaint({ [name]: value })).toEqual({ [name]: text });
  });

  test('names the key inside a property string', () => {
    expect(complaint({ net3: 'virtio,bridge=vmbr0,tag=4095' })).toEqual({
      net3: 'invalid format - format error\nnet3.tag: value must have a maximum value of 4094\n',
    });
  });

  test('reports every key of a property string that is wrong', () => {
    const text = complaint({ scsi0: 'local:1,backup=2,cache=fast' })['scsi0'];
    expect(text).toContain("scsi0.backup: type check ('boolean') failed - got '2'\n");
    expect(text).toContain("scsi0.cache: value 'fast' does not have a value in the enumeration");
  });

  test('requires an address with a gateway', () => {
    expect(complaint({ ipconfig7: 'gw6=2001:db8::1' })).toEqual({
      ipconfig7:
        "invalid format - format error\nipconfig7.ip6: missing property required by 'ipconfig7.gw6'\n",
    });
  });

  test('refuses a key that is given twice, also by its other name', () => {
    expect(complaint({ scsi0: 'local:1,volume=local:2' })['scsi0']).toContain('duplicate key');
    expect(complaint({ net0: 'virtio,e1000=02:00:00:00:00:01' })['net0']).toContain('already defined');
  });

  test('reports all parameters at once and what is missing', () => {
    expect(Object.keys(verifyAll({ node: 'pve1', cores: 'x', foo: '1' }, create.params)).sort()).toEqual([
      'cores',
      'foo',
      'vmid',
    ]);
  });

  test('wants the parameter that another one requires', () => {
    const { params } = endpoints.get('POST /nodes/{node}/storage/{storage}/download-url')!;
    const values = { node: 'n', storage: 'local', url: 'http://x/y', filename: 'y.iso', content: 'iso' };
    expect(verifyAll({ ...values, checksum: 'ab' }, params)).toEqual({
      'checksum-algorithm': "missing property required by 'checksum'",
    });
  });

  test('a list where one value belongs is of the wrong type', () => {
    expect(complaint({ name: ['a', 'b'] })).toEqual({ name: "type check ('string') failed" });
  });
});
