import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { addressesByNic, inOrder } from '../../../../../controllers/virtualmachine/networks/addresses.ts';
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

  test('are in the order in which the guest reports them, each listed once', () => {
    expect(of('10.0.0.10', '10.0.0.9', '10.0.0.10', '10.0.0.5')).toEqual([
      '10.0.0.10',
      '10.0.0.9',
      '10.0.0.5',
    ]);
  });
});

describe('the order of the addresses of a NIC', () => {
  const NONE = { spec: [], before: [] };

  test("is the guest's, so that a virtual IP or a container network on the same MAC is not the first", () => {
    expect(inOrder(['192.168.1.10', '10.0.0.5', '10.88.0.1'], NONE)).toEqual([
      '192.168.1.10',
      '10.0.0.5',
      '10.88.0.1',
    ]);
  });

  test('begins with the address of the spec wherever the guest reports it, however it is written', () => {
    const spec = ['192.168.1.10', '2001:DB8:0::10'];
    expect(
      inOrder(['192.168.1.200', '2001:db8::99', '2001:db8::10', '192.168.1.10'], { spec, before: [] }),
    ).toEqual(['192.168.1.10', '2001:db8::10', '192.168.1.200', '2001:db8::99']);
  });

  test('has no address of the spec that the guest does not report', () => {
    expect(inOrder(['10.0.0.5'], { spec: ['192.168.1.10'], before: [] })).toEqual(['10.0.0.5']);
  });

  test('keeps what was first before, also when the guest lists an address added later before it', () => {
    const before = ['10.0.0.9', '10.0.0.5'];
    expect(inOrder(['10.0.0.1', '10.0.0.5', '10.0.0.9'], { spec: [], before })).toEqual([
      '10.0.0.9',
      '10.0.0.5',
      '10.0.0.1',
    ]);
    expect(inOrder(['10.0.0.1', '10.0.0.5'], { spec: [], before })).toEqual(['10.0.0.5', '10.0.0.1']);
  });

  test('has IPv4 before IPv6, which a guest often has first', () => {
    expect(inOrder(['10.0.0.5', '2001:db8::5'], { spec: [], before: ['2001:db8::5'] })).toEqual([
      '10.0.0.5',
      '2001:db8::5',
    ]);
    expect(inOrder(['2001:db8::5', '10.0.0.5'], NONE)).toEqual(['10.0.0.5', '2001:db8::5']);
  });

  test('does not change, loses nothing and begins with the spec, whatever the guest reports and has reported', () => {
    const addresses = fc.uniqueArray(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: 8 });
    fc.assert(
      fc.property(addresses, addresses, addresses, (reported, spec, before) => {
        const once = inOrder(reported, { spec, before });
        expect(once.toSorted()).toEqual(reported.toSorted());
        expect(inOrder(reported.toReversed(), { spec, before: once })).toEqual(once);
        const own = reported.filter((address) => spec.includes(address));
        expect(once.slice(0, own.length).toSorted()).toEqual(own.toSorted());
      }),
    );
  });
});
