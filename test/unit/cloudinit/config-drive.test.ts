import { describe, expect, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { imageContent, type CloudInitInput } from '../../../src/cloudinit/index.ts';
import { aNic, anInput, ED25519, found, OTHER_ED25519, problemOf } from './input.ts';

const LATEST = 'openstack/latest/';
const driveOf = (input: Partial<CloudInitInput>) => imageContent('configdrive2', anInput(input));
const filesOf = (input: Partial<CloudInitInput>): Record<string, string> =>
  Object.fromEntries(
    found(driveOf(input)).files.map(({ name, bytes }) => [
      name.replace(LATEST, ''),
      Buffer.from(bytes).toString(),
    ]),
  );
const json = (input: Partial<CloudInitInput>, name: string): unknown => JSON.parse(filesOf(input)[name]!);

describe('a config drive', () => {
  test('has the label and the paths that its readers look for', () => {
    const { volumeId, files } = found(driveOf({ userData: '#ps1\n', inherited: { user: 'a', sshKeys: [] } }));
    expect(volumeId).toBe('config-2');
    expect(files.map(({ name }) => name)).toEqual(
      ['meta_data.json', 'user_data', 'network_data.json', 'vendor_data.json'].map((name) => LATEST + name),
    );
  });

  test.each([
    ['PowerShell', '#ps1_sysnative\r\nWrite-Host "é"\r\n'],
    ['a script', '#!/bin/sh\n'],
    ['a message', 'Content-Type: multipart/mixed; boundary="x"\nMIME-Version: 1.0\n\n--x--\n'],
  ])(
    'has the user-data unchanged where there are SSH keys, which are in the meta-data: %s',
    (_what, userData) => {
      const files = filesOf({ userData, sshKeys: [ED25519] });
      expect(files['user_data']).toBe(userData);
      expect(json({ userData, sshKeys: [ED25519] }, 'meta_data.json')).toMatchObject({
        public_keys: { 'key-0': ED25519 },
      });
    },
  );

  test('has compressed user-data byte for byte', () => {
    const bytes = gzipSync('#cloud-config\n');
    const { files } = found(driveOf({ userData: bytes.toString('base64'), userDataFormat: 'Binary' }));
    expect(files.find(({ name }) => name.endsWith('user_data'))!.bytes).toEqual(bytes);
  });

  test('has no user-data where the user gives none, and says instance, name and keys in the meta-data', () => {
    const input = { sshKeys: [ED25519], inherited: { sshKeys: [OTHER_ED25519, ED25519] } };
    expect(Object.keys(filesOf(input))).not.toContain('user_data');
    expect(json(input, 'meta_data.json')).toEqual({
      uuid: 'c7b0a0b2-5a55-4f0e-9b0c-3c1f6a0e9d11',
      hostname: 'web',
      name: 'web',
      public_keys: { 'key-0': ED25519, 'key-1': OTHER_ED25519 },
    });
  });

  test("has the user's meta-data, with the names that this layout has for it", () => {
    const metaData = 'instance-id: mine\nlocal-hostname: other\nadmin_pass: 0123\nmeta:\n  role: a\n';
    expect(json({ metaData }, 'meta_data.json')).toEqual({
      uuid: 'mine',
      hostname: 'other',
      name: 'other',
      admin_pass: '0123',
      meta: { role: 'a' },
    });
  });

  test('has what the guest keeps of its template for cloud-init', () => {
    const input = { userData: '#!/bin/sh\n', inherited: { user: 'deploy', sshKeys: [] } };
    expect(json(input, 'vendor_data.json')).toEqual({ 'cloud-init': '#cloud-config\nuser: "deploy"\n' });
  });

  test('knows each NIC by its MAC address', () => {
    const nics = [
      aNic({
        addresses: ['192.168.1.100/24', '2001:db8::9/64'],
        gateway4: '192.168.1.1',
        gateway6: '2001:db8::1',
        dns: ['8.8.8.8'],
        search: ['example.com'],
      }),
      aNic({ device: 'net2', mac: 'BC:24:11:00:00:02', ipv6: 'auto' }),
    ];
    expect(json({ nics }, 'network_data.json')).toEqual({
      links: [
        { id: 'net0', type: 'phy', ethernet_mac_address: 'bc:24:11:00:00:01' },
        { id: 'net2', type: 'phy', ethernet_mac_address: 'bc:24:11:00:00:02' },
      ],
      networks: [
        {
          id: 'net0-0',
          link: 'net0',
          type: 'ipv4',
          ip_address: '192.168.1.100',
          netmask: '255.255.255.0',
          routes: [{ network: '0.0.0.0', netmask: '0.0.0.0', gateway: '192.168.1.1' }],
          dns_search: ['example.com'],
        },
        {
          id: 'net0-1',
          link: 'net0',
          type: 'ipv6',
          ip_address: '2001:db8::9',
          netmask: 'ffff:ffff:ffff:ffff::',
          routes: [{ network: '::', netmask: '::', gateway: '2001:db8::1' }],
          dns_search: ['example.com'],
        },
        { id: 'net2-0', link: 'net2', type: 'ipv4_dhcp' },
        { id: 'net2-1', link: 'net2', type: 'ipv6_slaac' },
      ],
      services: [{ type: 'dns', address: '8.8.8.8' }],
    });
  });

  test('has no network data without NICs', () => {
    expect(Object.keys(filesOf({ nics: [] }))).not.toContain('network_data.json');
  });

  test("has the user's network data unchanged if it is what the layout takes", () => {
    const networkData = '{ "links": [], "networks": [] }';
    expect(filesOf({ networkData })['network_data.json']).toBe(networkData);
  });

  test.each([
    ['network data of cloud-init', { networkData: 'version: 2\n' }, 'network_data.json'],
    ['keys in two places', { metaData: 'public_keys: {a: b}\n', sshKeys: [ED25519] }, 'public-keys'],
    ['meta-data that is no mapping', { metaData: '- a\n' }, 'meta-data'],
    ['too many anchors', { metaData: bomb() }, 'anchors'],
    ['invalid user-data', { userData: 'hello\n' }, 'no format'],
  ])('is refused with %s', (_what, input, sentence) => {
    expect(problemOf(driveOf(input))).toContain(sentence);
  });
});

/** Each line refers to the one before ten times. */
function bomb(): string {
  const lines = ['a0: &a0 x'];
  for (let n = 1; n < 9; n += 1)
    lines.push(
      `a${n}: &a${n} [${Array(10)
        .fill(`*a${n - 1}`)
        .join(', ')}]`,
    );
  return `${lines.join('\n')}\n`;
}
