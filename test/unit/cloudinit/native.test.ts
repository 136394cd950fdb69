import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { requiredMode, unsetNativeKeys, nativeKeys } from '../../../src/cloudinit/index.ts';
import { aNic, anInput, ED25519, found, OTHER_ED25519, problemOf } from './input.ts';

const modeOf = (userData: string | undefined) => found(requiredMode(anInput({ userData })));
const keysOf = (...input: Parameters<typeof anInput>) => found(nativeKeys(anInput(...input)));

describe("Proxmox VE's own drive is enough", () => {
  test.each([
    ['no user-data', undefined],
    ['user-data of nothing but blanks', ' \n'],
    ['an empty cloud-config', '#cloud-config\n'],
    ['a cloud-config of comments', '#cloud-config\n# nothing yet\n'],
    ['an empty document', '#cloud-config\n---\n'],
    ["the VM's own name as hostname", '#cloud-config\nhostname: web\n'],
    ['a plain user', '#cloud-config\nuser: ubuntu\n'],
    ['keys at the top', `#cloud-config\nssh_authorized_keys:\n  - ${ED25519}\n`],
    ['an upgrade', '#cloud-config\npackage_upgrade: yes\n'],
    ['no upgrade', '#cloud-config\npackage_upgrade: false\n'],
    ['a header in other letters after a blank line', '\n#Cloud-Config\nuser: ubuntu\n'],
  ])('for %s', (_what, userData) => {
    expect(modeOf(userData)).toBe('Native');
  });
});

describe('an image of ours is needed', () => {
  test.each([
    ['packages', '#cloud-config\npackages: [nginx]\n'],
    ['a user list', '#cloud-config\nusers: [default]\n'],
    ['files', '#cloud-config\nwrite_files: []\n'],
    ['a key that only looks like ours', '#cloud-config\nconstructor: x\n'],
    ['another hostname', '#cloud-config\nhostname: db\n'],
    ['a user with settings', '#cloud-config\nuser: {name: ubuntu}\n'],
    ['a user name that is none', '#cloud-config\nuser: "a b"\n'],
    ['an upgrade that is neither yes nor no', '#cloud-config\npackage_upgrade: security\n'],
    ['keys that are no list', `#cloud-config\nssh_authorized_keys: ${ED25519}\n`],
    ['a merge key', '#cloud-config\n<<: {user: ubuntu}\n'],
    ['an alias', '#cloud-config\nuser: &name ubuntu\nhostname: *name\n'],
    ['a key given twice', '#cloud-config\nuser: a\nuser: b\n'],
    ['a script', '#!/bin/sh\necho hello\n'],
    ['a template', '## template: jinja\n#cloud-config\nhostname: {{ x }}\n'],
    ['an include', '#include\nhttps://example.com/a\n'],
    ['a boothook', '#cloud-boothook\necho hello\n'],
    ['an archive', '#cloud-config-archive\n- {type: text/cloud-config, content: ""}\n'],
    [
      'a message of several parts',
      'Content-Type: multipart/mixed; boundary="x"\nMIME-Version: 1.0\n\n--x--\n',
    ],
  ])('for %s', (_what, userData) => {
    expect(modeOf(userData)).toBe('Image');
    expect(problemOf(nativeKeys(anInput({ userData })))).toContain(
      'cloud-init drive of Proxmox VE cannot express',
    );
  });

  test.each([
    ['a placeholder', 'ssh-ed25519 AAAA...'],
    ['a key that is cut off', ED25519.slice(0, 60)],
    ['a key of another type than it says', ED25519.replace('ssh-ed25519', 'ssh-rsa')],
    ['a key with options', `restrict ${ED25519}`],
  ])('for %s among the keys, which Proxmox VE would refuse', (_what, key) => {
    expect(found(requiredMode(anInput({ sshKeys: [ED25519, key] })))).toBe('Image');
    expect(modeOf(`#cloud-config\nssh_authorized_keys: ["${key}"]\n`)).toBe('Image');
  });

  test.each([
    ['VM whose name is a number', { hostname: '123' }],
    ['VM whose name YAML reads as a yes', { hostname: 'on' }],
    ['VM whose name is a date', { hostname: '2026-01-01' }],
    ['user whose name YAML reads as a no', { userData: '#cloud-config\nuser: "no"\n' }],
    ['key whose comment has a colon', { sshKeys: [`${ED25519} laptop: blue`] }],
    ['key whose comment ends with a colon', { sshKeys: [`${ED25519}:`] }],
    ['key whose comment has a comment', { sshKeys: [`${ED25519} #1`] }],
  ])('for a %s, because Proxmox VE writes it without quotes', (_what, input) => {
    expect(found(requiredMode(anInput(input)))).toBe('Image');
    expect(found(requiredMode(anInput({ ...input, userData: undefined, snippet: 'local:snippets/u' })))).toBe(
      'Native',
    );
  });

  test.each([
    ['two IPv4 addresses', aNic({ addresses: ['192.0.2.1/24', '192.0.2.2/24'] })],
    ['two IPv6 addresses', aNic({ addresses: ['2001:db8::1/64', '2001:db8::2/64'] })],
    ['DHCP together with an IPv4 address', aNic({ dhcp4: true, addresses: ['192.0.2.1/24'] })],
  ])('for %s on a NIC', (_what, nic) => {
    expect(found(requiredMode(anInput({ nics: [nic] })))).toBe('Image');
  });
});

describe('the keys for the drive of Proxmox VE', () => {
  test('contain user, keys and upgrade', () => {
    const userData = `#cloud-config\nuser: ubuntu\npackage_upgrade: true\nssh_authorized_keys: ["${ED25519}"]\n`;
    expect(keysOf({ userData }).set).toMatchObject({ ciuser: 'ubuntu', ciupgrade: '1' });
    expect(decodeURIComponent(keysOf({ userData }).set['sshkeys']!)).toBe(ED25519);
  });

  test('upgrade nothing unless asked', () => {
    expect(keysOf().set['ciupgrade']).toBe('0');
  });

  test("join the user-data's keys and the Secret's, each once, without a newline at the end", () => {
    const userData = `#cloud-config\nssh_authorized_keys: ["${ED25519}"]\n`;
    const { set } = keysOf({ userData, sshKeys: ['# people', '', OTHER_ED25519, ` ${ED25519} `] });
    expect(decodeURIComponent(set['sshkeys']!)).toBe(`${ED25519}\n${OTHER_ED25519}`);
  });

  test("encode keys in Proxmox VE's alphabet, with any comment", () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (comment) => {
        // A comment that YAML would not read as text is for an image.
        const key = `${ED25519} ${comment.replace(/[\s\0]/g, '-').replace(/^#|:$/g, '-')}`;
        const { set } = keysOf({ sshKeys: [key] });
        expect(set['sshkeys']).toMatch(/^[-%a-zA-Z0-9_.!~*'()]+$/);
        expect(decodeURIComponent(set['sshkeys']!)).toBe(key.trim());
      }),
    );
  });

  test.each([
    ['DHCP', aNic(), 'ip=dhcp'],
    ['IPv4', aNic({ addresses: ['192.0.2.9/24'], gateway4: '192.0.2.1' }), 'ip=192.0.2.9/24,gw=192.0.2.1'],
    ['IPv4 without a gateway', aNic({ addresses: ['192.0.2.9/24'] }), 'ip=192.0.2.9/24'],
    ['IPv6', aNic({ addresses: ['2001:db8::9/64'], gateway6: 'fe80::1' }), 'ip6=2001:db8::9/64,gw6=fe80::1'],
    ['DHCP and what routers announce', aNic({ ipv6: 'auto' }), 'ip=dhcp,ip6=auto'],
    ['IPv4 and DHCPv6', aNic({ addresses: ['192.0.2.9/24'], ipv6: 'dhcp' }), 'ip=192.0.2.9/24,ip6=dhcp'],
    ['DHCP and IPv6', aNic({ dhcp4: true, addresses: ['2001:db8::9/64'] }), 'ip=dhcp,ip6=2001:db8::9/64'],
    [
      'both families',
      aNic({
        addresses: ['2001:db8::9/64', '192.0.2.9/24'],
        gateway4: '192.0.2.1',
        gateway6: '2001:db8::1',
      }),
      'ip=192.0.2.9/24,gw=192.0.2.1,ip6=2001:db8::9/64,gw6=2001:db8::1',
    ],
  ])('say %s', (_what, nic, value) => {
    expect(keysOf({ nics: [nic] }).set['ipconfig0']).toBe(value);
  });

  test('belong to the device, also where a NIC in between was removed', () => {
    const { set, delete: gone } = keysOf({
      nics: [aNic(), aNic({ device: 'net2', addresses: ['192.0.2.9/24'] })],
    });
    expect(set).toMatchObject({ ipconfig0: 'ip=dhcp', ipconfig2: 'ip=192.0.2.9/24' });
    expect(gone).toContain('ipconfig1');
  });

  test('leave a NIC without addresses unconfigured', () => {
    const { set, delete: gone } = keysOf({ nics: [aNic({ addresses: [] })] });
    expect(set).not.toHaveProperty('ipconfig0');
    expect(gone).toContain('ipconfig0');
  });

  test('ask for DHCP on the first NIC where the NICs are not described', () => {
    expect(keysOf({ nics: [] }).set['ipconfig0']).toBe('ip=dhcp');
  });

  test('dns-goes-to-nameserver: list every DNS server once', () => {
    const nics = [
      aNic({ dns: ['8.8.8.8', '1.1.1.1'] }),
      aNic({ device: 'net1', dns: ['1.1.1.1', '2001:db8::53'] }),
    ];
    expect(keysOf({ nics }).set['nameserver']).toBe('8.8.8.8 1.1.1.1 2001:db8::53');
  });

  test('remove all other keys of a template, and none that is set', () => {
    const { set, delete: gone } = keysOf({ sshKeys: [ED25519] });
    expect(gone).toEqual(
      expect.arrayContaining([
        'ciuser',
        'cipassword',
        'nameserver',
        'searchdomain',
        'cicustom',
        'ipconfig1',
        'ipconfig31',
      ]),
    );
    expect(gone.filter((key) => key in set)).toEqual([]);
    expect([...gone, ...Object.keys(set)].toSorted()).toEqual([...unsetNativeKeys.delete].toSorted());
  });

  test('are all removed if there is an image of ours', () => {
    expect(unsetNativeKeys.set).toEqual({});
    expect(unsetNativeKeys.delete).toEqual(
      expect.arrayContaining(['cipassword', 'sshkeys', 'ciupgrade', 'ipconfig0']),
    );
  });
});
