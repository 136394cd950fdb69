import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addressesByNic } from '../../../../../controllers/virtualmachine/networks/addresses.ts';
import type { Nic } from '../../../../../controllers/shared/guests/model.ts';

const nic = (device: string, mac: string | undefined): Nic => ({
  device,
  mac,
  model: 'virtio',
  bridge: 'vmbr0',
  vlan: undefined,
});
const NET0 = nic('net0', 'BC:24:11:00:00:01');
const NET1 = nic('net1', 'BC:24:11:00:00:02');
const of = (...addresses: string[]) =>
  addressesByNic([NET0], [{ mac: 'bc:24:11:00:00:01', addresses }])[0]?.addresses;

describe('the addresses of a VM', () => {
  test('are those of its own NICs, in their order, and not those of docker0', () => {
    const interfaces = [
      { mac: '02:42:00:00:00:01', addresses: ['172.17.0.1'] },
      { mac: undefined, addresses: ['10.9.9.9'] },
      { mac: 'bc:24:11:00:00:02', addresses: ['10.0.1.5'] },
      { mac: 'bc:24:11:00:00:01', addresses: ['10.0.0.5'] },
    ];
    expect(addressesByNic([NET0, NET1], interfaces)).toEqual([
      { device: 'net0', addresses: ['10.0.0.5'] },
      { device: 'net1', addresses: ['10.0.1.5'] },
    ]);
  });

  test('are none for a NIC without a MAC, even if an interface has none either', () => {
    expect(addressesByNic([nic('net0', undefined)], [{ mac: undefined, addresses: ['10.0.0.5'] }])).toEqual([
      { device: 'net0', addresses: [] },
    ]);
  });

  test('are IPv4 before IPv6, then by number', () => {
    expect(of('2001:db8::10', '10.0.0.10', '2001:db8::9', '10.0.0.9')).toEqual([
      '10.0.0.9',
      '10.0.0.10',
      '2001:db8::9',
      '2001:db8::10',
    ]);
  });

  test.each([
    '127.0.0.1',
    '::1',
    '169.254.1.2',
    'fe80::1',
    '0.0.0.0',
    '::',
    '224.0.0.1',
    'ff02::1',
    '::ffff:127.0.0.1',
    'host',
    '',
  ])('are never %s', (address) => {
    expect(of(address)).toEqual([]);
  });

  test('may be private and unique local ones', () => {
    expect(of('192.168.1.5', 'fd00::5')).toEqual(['192.168.1.5', 'fd00::5']);
  });

  test('are the same for any order in which the guest reports them, each listed once', () => {
    const addresses = fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: 8 });
    fc.assert(
      fc.property(addresses, (reported) => {
        const once = of(...reported);
        expect(of(...reported.toReversed(), ...reported)).toEqual(once);
        expect(new Set(once).size).toBe(once?.length);
      }),
    );
  });
});
