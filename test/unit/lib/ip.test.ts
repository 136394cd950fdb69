import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { ipFamily, isNetworkAddress, isOnLink, parseCidr, type Cidr } from '../../../src/lib/ip.ts';

describe('an IP address', () => {
  test('has a family, whichever way it is written', () => {
    fc.assert(fc.property(fc.ipV4(), (address) => ipFamily(address) === 4));
    expect(['::', 'fd00::1', 'FD00:0::1', '2001:db8::192.0.2.1', '::ffff:1'].map(ipFamily)).toEqual([
      6, 6, 6, 6, 6,
    ]);
  });

  test.each([
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    'fe80::1%eth0',
    '::ffff:1.2.3.4',
    '::ffff:c0a8:101',
    '[::1]',
    'a.b',
  ])('%j is none', (text) => {
    expect(ipFamily(text)).toBeUndefined();
  });
});

describe('a CIDR', () => {
  test.each([
    ['192.168.1.100/24', { address: '192.168.1.100', prefix: 24, family: 4 }],
    ['10.0.0.1/0', { address: '10.0.0.1', prefix: 0, family: 4 }],
    ['fd00::2/64', { address: 'fd00::2', prefix: 64, family: 6 }],
    ['::1/128', { address: '::1', prefix: 128, family: 6 }],
  ])('%s is read, host bits and all', (text, cidr) => {
    expect(parseCidr(text)).toEqual(cidr);
  });

  test.each([
    '192.168.1.100',
    '192.168.1.100/33',
    '192.168.1.100/024',
    'fd00::2/129',
    '/24',
    '1.2.3.4/',
    '1.2.3.4/24/8',
  ])('%j is none', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });
});

const parsed = (text: string): Cidr => {
  const found = parseCidr(text);
  if (!found) throw new Error(`${text} is no CIDR`);
  return found;
};

describe('a gateway', () => {
  test.each([
    ['192.168.1.1', '192.168.1.100/24', true],
    ['192.168.2.1', '192.168.1.100/24', false],
    ['192.168.2.1', '192.168.1.100/16', true],
    ['198.51.100.1', '192.0.2.9/32', true],
    ['169.254.0.1', '192.0.2.9/24', true],
    ['fd00::1', 'fd00::2/64', true],
    ['fd01::1', 'fd00::2/64', false],
    ['fe80::1', 'fd00::2/64', true],
    ['fd01::1', 'fd00::2/128', true],
  ])('%s of a host with %s is on its link: %s', (gateway, address, expected) => {
    expect(isOnLink(gateway, parsed(address))).toBe(expected);
  });
});

describe('the address of a subnet', () => {
  test.each([
    ['192.168.1.0/24', true],
    ['192.168.1.100/24', false],
    ['192.168.0.0/23', true],
    ['192.168.1.0/23', false],
    ['10.0.0.0/31', false],
    ['10.0.0.0/32', false],
    ['fd00::/64', false],
  ])('%s: %s', (address, expected) => {
    expect(isNetworkAddress(parsed(address))).toBe(expected);
  });
});
