import { expect, test } from '@jest/globals';
import { compressionOf, formatOf, VMImage } from '../../../src/api/index.ts';

const accepts = (url: string): boolean => VMImage.spec.safeParse({ download: { url } }).success;

test.each([
  '127.0.0.1',
  '127.1',
  '0.0.0.0',
  '169.254.169.254',
  '2130706433',
  '0x7f000001',
  '0177.0.0.1',
  '[::1]',
  '[::ffff:169.254.169.254]',
  'localhost',
  'LOCALHOST',
  'a.localhost',
  'metadata.google.internal',
  '100.100.100.200',
  '224.0.0.1',
  '255.255.255.255',
  'good.example@127.0.0.1',
])('a URL with the host %s is refused', (host) => {
  for (const rest of ['/a.qcow2', ':8080/a.qcow2']) expect(accepts(`http://${host}${rest}`)).toBe(false);
});

test.each([
  'https://cloud-images.example.com/debian/13/debian-13.qcow2',
  'http://10.0.0.5:8080/a.img',
  'https://images.example.com/a.raw?signature=x%2F',
  'https://localhost.example.com/a.qcow2',
  'http://126.0.0.1/a.vmdk',
  'https://images.example.com/a.qcow2.xz?x=1',
  'https://images.example.com/a.img.zst',
  'https://images.example.com/a.ISO',
  'https://images.example.com/a.iso.gz',
  'https://images.example.com/a.gz/latest',
  'https://images.example.com/a.qcow2?from=a.tar.gz',
])('%s may be downloaded', (url) => expect(accepts(url)).toBe(true));

test.each([
  ['a.QCOW2', 'qcow2', undefined],
  ['a.Img?x=b.iso', 'qcow2', undefined],
  ['latest', 'qcow2', undefined],
  ['a.RAW', 'raw', undefined],
  ['a.vmdk', 'vmdk', undefined],
  ['a.ISO', 'iso', undefined],
  ['a.Iso.GZ?x=1', 'iso', 'gz'],
])('%s is %s', (file, format, compression) => {
  const url = `https://images.example.com/${file}`;
  expect(formatOf({ url })).toBe(format);
  expect(compressionOf(url)).toBe(compression);
});
