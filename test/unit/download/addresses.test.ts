import { expect, test } from '@jest/globals';
import { mayConnectTo } from '../../../src/download/addresses.ts';
import { resolvePublic } from '../../../src/download/resolve.ts';

test.each([
  '93.184.215.14',
  '10.0.0.5',
  '172.16.3.4',
  '192.168.1.10',
  '100.64.0.1',
  '2606:2800:21f:cb07::1',
  'fd12:3456::1',
  '64:ff9b::a00:5',
])('a download may lead to %s', (address) => {
  expect(mayConnectTo(address)).toBe(true);
});

test.each([
  '127.0.0.1',
  '127.8.9.10',
  '0.0.0.0',
  '0.1.2.3',
  '169.254.169.254',
  '100.100.100.200',
  '192.0.0.192',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::1',
  '::',
  'fe80::1',
  'fe80::1%eth0',
  'ff02::1',
  'fd00:ec2::254',
  '::ffff:127.0.0.1',
  '::ffff:a9fe:a9fe',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::1',
  'localhost',
  '',
])('a download may not lead to %s', (address) => {
  expect(mayConnectTo(address)).toBe(false);
});

test('a host that is an address is checked as one', async () => {
  await expect(resolvePublic('127.0.0.1')).rejects.toThrow(/nothing is downloaded/);
  await expect(resolvePublic('[::1]')).rejects.toThrow(/nothing is downloaded/);
  await expect(resolvePublic('10.1.2.3')).resolves.toEqual([{ address: '10.1.2.3', family: 4 }]);
});

test('a name is checked by what it leads to', async () => {
  await expect(resolvePublic('localhost')).rejects.toThrow(/The host localhost leads to this machine/);
});
