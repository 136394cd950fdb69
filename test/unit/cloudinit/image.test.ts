import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { parse, stringify } from 'yaml';
import {
  cloudInitImage,
  imageContent,
  imageName,
  noCloudFiles,
  requiredMode,
  type CloudInitInput,
} from '../../../src/cloudinit/index.ts';
import { readText } from '../../../src/cloudinit/documents.ts';
import { digestWith } from '../../../src/lib/hash.ts';
import type { IsoFile } from '../../../src/cloudinit/iso9660.ts';
import { aDigest } from '../../builders/guests.ts';
import { vmid } from '../../../src/lib/units.ts';
import { aNic, anInput, ED25519, found, OTHER_ED25519, problemOf } from './input.ts';

const filesOf = (input: Partial<CloudInitInput>): Record<string, string> =>
  Object.fromEntries(
    found(noCloudFiles(anInput(input))).map(({ name, bytes }) => [name, Buffer.from(bytes).toString()]),
  );
const userDataOf = (userData: string | undefined, ...sshKeys: string[]) =>
  filesOf({ userData, sshKeys })['user-data']!;
/** As cloud-init's Python would: YAML 1.1. */
const read = (text: string): unknown => parse(text, { version: '1.1' });
/** Of two equal keys, the last one counts in Python. */
const asPython = (text: string): Record<string, unknown> =>
  parse(text, { version: '1.1', uniqueKeys: false }) as Record<string, unknown>;

/** As cloud-init sees them: it reads hyphens as underscores, in the order of the document (ug_util.py). */
function keysOfFirstUser(text: string): unknown {
  const users = asPython(text)['users'] as object;
  const user = Object.values(users)[0] as object;
  const entries = Object.entries(user).map(([key, value]) => [key.replaceAll('-', '_'), value as unknown]);
  return (Object.fromEntries(entries) as Record<string, unknown>)['ssh_authorized_keys'];
}

describe('user-data in the image', () => {
  test.each([
    ['a cloud-config', '#cloud-config\npackages: [nginx]   # web\n\n\n'],
    ['a script', '#!/bin/sh\necho "é"\r\n'],
    ['text without a newline at the end', '#include https://example.com/x'],
  ])('is the text byte for byte for %s', (_what, userData) => {
    expect(userDataOf(userData)).toBe(userData);
  });

  test('gives hostname and keys where the user gives nothing', () => {
    const text = userDataOf(undefined, ED25519);
    expect(text.split('\n')[0]).toBe('#cloud-config');
    expect(read(text)).toEqual({ hostname: 'web', fqdn: 'web', ssh_authorized_keys: [ED25519] });
  });

  test('has no list of keys where there are none', () => {
    expect(read(userDataOf(undefined))).toEqual({ hostname: 'web', fqdn: 'web' });
  });
});

describe('the name of a VM in an image', () => {
  const named = (userData: string | undefined) =>
    filesOf({ hostname: 'web', fqdn: 'web.example.com', userData });

  test('with a domain gives host name and FQDN', () => {
    expect(read(named(undefined)['user-data']!)).toEqual({ hostname: 'web', fqdn: 'web.example.com' });
  });

  test.each([
    ['does not name the host', '#cloud-config\npackages: [nginx]\n', 'web.example.com'],
    ['names the host as the VM is called', '#cloud-config\nhostname: web\n', 'web.example.com'],
    ['gives the host another name', '#cloud-config\nhostname: db\n', 'db'],
    ['is a script', '#!/bin/sh\n', 'web.example.com'],
  ])('is in the meta-data where the user-data %s', (_what, userData, name) => {
    expect(read(named(userData)['meta-data']!)).toMatchObject({ 'local-hostname': name });
    expect(named(userData)['user-data']).toBe(userData);
  });
});

describe('the settings that Proxmox VE adds', () => {
  const vendorOf = (input: Partial<CloudInitInput>) => filesOf(input)['vendor-data'];

  test('come from vendor-data where the user-data is nothing that its drive could not express', () => {
    for (const userData of [undefined, '#cloud-config\nuser: ubuntu\n'])
      expect(read(vendorOf({ userData })!)).toEqual({
        manage_etc_hosts: true,
        chpasswd: { expire: false },
        users: ['default'],
      });
  });

  test('are the same for a Proxmox VE that always upgrades packages', () => {
    const userData = '#cloud-config\npackage_upgrade: false\n';
    expect(vendorOf({ userData, alwaysUpgrades: true })).toBe(vendorOf({ userData }));
    expect(vendorOf({ userData })).toContain('manage_etc_hosts');
  });

  test('let root log in where root is the user', () => {
    expect(read(vendorOf({ userData: '#cloud-config\nuser: root\n' })!)).toEqual({
      manage_etc_hosts: true,
      chpasswd: { expire: false },
      disable_root: false,
    });
  });

  test('are not there next to other user-data, as with a snippet in Proxmox VE', () => {
    expect(vendorOf({ userData: '#cloud-config\npackages: [nginx]\n' })).toBeUndefined();
    expect(vendorOf({ userData: '#!/bin/sh\n' })).toBeUndefined();
  });
});

describe('keys of a Secret in a cloud-config', () => {
  test('are added to the list, with comments and all other values as they were', () => {
    const userData = [
      '#cloud-config',
      '# kept',
      'write_files:',
      '  - path: /etc/x # here too',
      '    permissions: 0644',
      '    content: |',
      '      a',
      `        ${'long '.repeat(40)}`,
      'ssh_authorized_keys:',
      `  - ${ED25519} # mine`,
      'plain_text_passwd: 1e3',
      'fqdn: 12:30',
      'final_message:',
      '',
    ].join('\n');
    expect(userDataOf(userData, ED25519, OTHER_ED25519)).toBe(
      userData.replace('# mine\n', `# mine\n  - "${OTHER_ED25519}"\n`),
    );
  });

  test('change nothing where all of them are there already', () => {
    const userData = `#cloud-config\nssh_authorized_keys:   [ "${ED25519}" ]\n`;
    expect(userDataOf(userData, ED25519)).toBe(userData);
  });

  test.each([
    ['an empty one', '#cloud-config\n'],
    ['one of comments', '#cloud-config\n\n# nothing yet\n'],
    ['a null document', '#cloud-config\n---\n~\n'],
    ['nothing but a null', '#cloud-config\n~\n'],
    ['an empty list', '#cloud-config\nssh_authorized_keys:\n'],
  ])('make a list in %s', (_what, userData) => {
    const text = userDataOf(userData, ED25519);
    expect(text).toMatch(/^#cloud-config\n/);
    expect(read(text)).toEqual({ ssh_authorized_keys: [ED25519] });
  });

  test('leave an anchored list alone that others use too', () => {
    const userData = `#cloud-config\nusers: [{name: a, ssh_authorized_keys: &k [x]}, default]\nssh_authorized_keys: *k\n`;
    expect(read(userDataOf(userData, ED25519))).toEqual({
      users: [{ name: 'a', ssh_authorized_keys: ['x'] }, 'default'],
      ssh_authorized_keys: ['x', ED25519],
    });
  });

  test('are also added to the first user if the default user is not among the users', () => {
    const userData =
      '#cloud-config\nusers:\n  - name: ubuntu\n    ssh_authorized_keys: [x]\n  - name: other\n';
    expect(read(userDataOf(userData, ED25519))).toEqual({
      users: [{ name: 'ubuntu', ssh_authorized_keys: ['x', ED25519] }, { name: 'other' }],
      ssh_authorized_keys: [ED25519],
    });
  });

  test.each([
    ['users: [default, {name: other}]'],
    ['users: [{name: default}, {name: other}]'],
    ['user: main\nusers: [{name: other}]'],
    ['users: []'],
    ['users: [just-a-name]'],
  ])('are added to no other user with %j', (body) => {
    const { ssh_authorized_keys: added, ...rest } = read(
      userDataOf(`#cloud-config\n${body}\n`, ED25519),
    ) as Record<string, unknown>;
    expect(added).toEqual([ED25519]);
    expect(rest).toEqual(read(body));
  });

  test.each([
    ['with hyphens', 'users: [{name: a, ssh-authorized-keys: [x]}]', ['x', ED25519]],
    [
      'in both spellings, of which the last one counts',
      'users: [{name: a, ssh_authorized_keys: [y], ssh-authorized-keys: [x]}]',
      ['x', ED25519],
    ],
    [
      'in both spellings the other way round',
      'users: [{name: a, ssh-authorized-keys: [y], ssh_authorized_keys: [x]}]',
      ['x', ED25519],
    ],
    [
      'twice, of which the last one counts',
      'users: [{name: a, ssh_authorized_keys: [y], ssh_authorized_keys: [x]}]',
      ['x', ED25519],
    ],
    ['by a merge key', 'base: &a {ssh-authorized-keys: [x]}\nusers: [{<<: *a, name: b}]', ['x', ED25519]],
    ['next to an empty user', 'user:\nusers: [{name: a, ssh-authorized-keys: [x]}]', ['x', ED25519]],
    ['in a mapping of users', 'users: {a: {ssh-authorized-keys: [x]}}', ['x', ED25519]],
    ['in an aliased list', 'k: &k [x]\nusers: [{name: a, ssh-authorized-keys: *k}]', ['x', ED25519]],
  ])("join a user's own that are written %s", (_what, body, keys) => {
    expect(keysOfFirstUser(userDataOf(`#cloud-config\n${body}\n`, ED25519))).toEqual(keys);
  });

  test('at the top are joined to the last of two lists, which is the one that counts', () => {
    const userData = '#cloud-config\nssh_authorized_keys: [y]\nusers: [default]\nssh_authorized_keys: [x]\n';
    expect(asPython(userDataOf(userData, ED25519))).toMatchObject({ ssh_authorized_keys: ['x', ED25519] });
  });

  test.each([
    ['users: [{ssh-authorized-keys: [x]}]'],
    ['users: "a,default"'],
    ['users: ["a,default", {name: other}]'],
    ['users: [[default], {name: other}]'],
    ['users: {default: true, other: {}}'],
  ])('go to the default user alone with %j, which has one', (body) => {
    const { ssh_authorized_keys: added, ...rest } = read(
      userDataOf(`#cloud-config\n${body}\n`, ED25519),
    ) as Record<string, unknown>;
    expect(added).toEqual([ED25519]);
    expect(rest).toEqual(read(body));
  });

  test('are refused where the list is none', () => {
    const result = noCloudFiles(
      anInput({ userData: '#cloud-config\nssh_authorized_keys: {SECRET: 1}\n', sshKeys: [ED25519] }),
    );
    expect(problemOf(result)).toMatch(/^ssh_authorized_keys .* is not a list/);
    expect(problemOf(result)).not.toContain('SECRET');
  });

  test('leave every other value as it was, in any document', () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{1,12}$/), value), fc.boolean(), (config, flow) => {
        const document = { ...config, users: ['default'], ssh_authorized_keys: [OTHER_ED25519] };
        const userData = `#cloud-config\n${flow ? JSON.stringify(document) : stringify(document, { version: '1.1' })}\n`;
        // A long text is read before, by a worker thread.
        const documents = readText({ part: 'userData', text: userData, keys: [ED25519] });
        const text = filesOf({ userData, sshKeys: [ED25519], documents })['user-data']!;
        expect(read(text)).toEqual({
          ...(read(userData) as object),
          ssh_authorized_keys: [OTHER_ED25519, ED25519],
        });
      }),
    );
  });
});

describe('keys of a Secret next to other formats', () => {
  const script = '#!/bin/sh\necho "é"\n';
  const decoded = (message: string) =>
    message
      .split('Content-Transfer-Encoding: base64\n\n')
      .slice(1)
      .map((part) => Buffer.from(part.split('\n--')[0]!, 'base64').toString());

  test('are delivered as a cloud-config in a second part, with the script unchanged in the first', () => {
    const message = userDataOf(script, ED25519);
    expect(message).toMatch(/^MIME-Version: 1\.0\nContent-Type: multipart\/mixed; boundary="/);
    const [first, second] = decoded(message);
    expect(first).toBe(script);
    expect(second).toMatch(/^#cloud-config\n/);
    expect(read(second!)).toMatchObject({ ssh_authorized_keys: [ED25519] });
  });

  test("are added to a message of the user's own, which stays as it is", () => {
    const inner = 'Content-Type: multipart/mixed; boundary="x"\nMIME-Version: 1.0\n\n--x\n\nhello\n--x--\n';
    const message = userDataOf(inner, ED25519);
    expect(message).toContain(`\n${inner}\n--virtrigaud-`);
    expect(decoded(message)).toHaveLength(1);
  });
});

describe('meta-data and network-config in the image', () => {
  test('say the instance and the name', () => {
    expect(read(filesOf({})['meta-data']!)).toEqual({
      'instance-id': 'c7b0a0b2-5a55-4f0e-9b0c-3c1f6a0e9d11',
      'local-hostname': 'web',
    });
  });

  test('describe each NIC by its MAC in small letters, with the name that Proxmox VE gives it', () => {
    const nics = [
      aNic({
        addresses: ['192.168.1.100/24', '2001:db8::9/64'],
        gateway4: '192.168.1.1',
        gateway6: '2001:db8::1',
        dns: ['8.8.8.8'],
      }),
      aNic({ device: 'net2', mac: 'BC:24:11:00:00:02', ipv6: 'auto', dns: ['1.1.1.1', '8.8.8.8'] }),
    ];
    expect(read(filesOf({ nics })['network-config']!)).toEqual({
      version: 1,
      config: [
        {
          type: 'physical',
          name: 'eth0',
          mac_address: 'bc:24:11:00:00:01',
          subnets: [
            { type: 'static', address: '192.168.1.100', netmask: '255.255.255.0', gateway: '192.168.1.1' },
            { type: 'static6', address: '2001:db8::9/64', gateway: '2001:db8::1' },
          ],
        },
        {
          type: 'physical',
          name: 'eth2',
          mac_address: 'bc:24:11:00:00:02',
          subnets: [{ type: 'dhcp4' }, { type: 'ipv6_slaac' }],
        },
        { type: 'nameserver', address: ['8.8.8.8', '1.1.1.1'] },
      ],
    });
  });

  test('give the gateway to the first of several addresses', () => {
    const nics = [aNic({ addresses: ['192.0.2.9/24', '192.0.2.10/24'], gateway4: '192.0.2.1' })];
    expect(read(filesOf({ nics })['network-config']!)).toMatchObject({
      config: [{ subnets: [{ gateway: '192.0.2.1' }, { address: '192.0.2.10', netmask: '255.255.255.0' }] }],
    });
    expect(filesOf({ nics })['network-config']!.match(/gateway/g)).toHaveLength(1);
  });

  test.each([
    ['a /32 address', ['192.0.2.9/32'], { gateway4: '192.0.2.1' }, '0.0.0.0/0'],
    ['a gateway outside the subnet', ['192.0.2.9/24'], { gateway4: '198.51.100.1' }, '0.0.0.0/0'],
    ['a /128 address', ['2001:db8::9/128'], { gateway6: '2001:db8::1' }, '::/0'],
    ['an IPv6 gateway outside the subnet', ['2001:db8::9/64'], { gateway6: '2001:db8:1::1' }, '::/0'],
  ])('say that the gateway is on the link, for %s', (_what, addresses, gateway, to) => {
    const nics = [aNic({ addresses, ...gateway, dns: ['8.8.8.8'] }), aNic({ device: 'net1' })];
    expect(read(filesOf({ nics })['network-config']!)).toEqual({
      version: 2,
      ethernets: {
        eth0: {
          match: { macaddress: 'bc:24:11:00:00:01' },
          'set-name': 'eth0',
          dhcp4: false,
          addresses,
          nameservers: { addresses: ['8.8.8.8'] },
          routes: [{ to, via: Object.values(gateway)[0], 'on-link': true }],
        },
        eth1: { match: { macaddress: 'bc:24:11:00:00:01' }, 'set-name': 'eth1', dhcp4: true },
      },
    });
    expect(found(requiredMode(anInput({ nics })))).toBe('Image');
  });

  test.each([
    ['a gateway in the subnet', ['192.0.2.9/24'], { gateway4: '192.0.2.1' }],
    ['a link-local gateway', ['2001:db8::9/128'], { gateway6: 'fe80::1' }],
    ['a /32 address without a gateway', ['192.0.2.9/32'], {}],
  ])('need not say so, for %s', (_what, addresses, gateway) => {
    const nics = [aNic({ addresses, ...gateway })];
    expect(read(filesOf({ nics })['network-config']!)).toMatchObject({ version: 1 });
    expect(found(requiredMode(anInput({ nics })))).toBe('Native');
  });

  test('leave a NIC out that the guest does not configure', () => {
    const nics = [aNic(), aNic({ device: 'net1', mac: undefined, addresses: [] })];
    expect(read(filesOf({ nics })['network-config']!)).toMatchObject({ config: [{ name: 'eth0' }] });
  });

  test('stay text where YAML 1.1 would see a number, a date or a yes', () => {
    const word = fc.constantFrom('1e3', '0x10', 'yes', 'off', 'null', '2024-01-01', '123', '010', 'y');
    const mac = fc
      .tuple(...Array.from({ length: 6 }, () => fc.integer({ min: 0, max: 59 })))
      .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'));
    fc.assert(
      fc.property(word, mac, (hostname, address) => {
        const files = filesOf({ hostname, nics: [aNic({ mac: address })] });
        expect(read(files['meta-data']!)).toMatchObject({ 'local-hostname': hostname });
        expect(read(files['user-data']!)).toEqual({ hostname, fqdn: hostname });
        expect(read(files['network-config']!)).toMatchObject({ config: [{ mac_address: address }] });
      }),
    );
  });

  test('leave the network to the guest where the NICs are not described', () => {
    expect(Object.keys(filesOf({ nics: [] }))).not.toContain('network-config');
  });

  test('cannot be written before the MACs are known', () => {
    const nics = [aNic(), aNic({ device: 'net1', mac: undefined })];
    expect(problemOf(noCloudFiles(anInput({ nics })))).toBe(
      'The MAC address of net1 is not known yet. Its addresses are assigned once it is known.',
    );
  });
});

describe("the image's name", () => {
  const files = found(noCloudFiles(anInput({ userData: '#!/bin/sh\n' })));
  const nameOf = (some: readonly IsoFile[], { uid = 'uid', digest = aDigest } = {}) =>
    imageName(digest, vmid(117), { uid, files: some });
  const name = nameOf(files);

  test('carries the VMID and is a legal file name for an ISO', () => {
    expect(name).toMatch(/^virtrigaud-117-[0-9a-f]{24}\.iso$/);
  });

  test('is the same for the same contents', () => {
    expect(nameOf(found(noCloudFiles(anInput({ userData: '#!/bin/sh\n' }))))).toBe(name);
  });

  test('is another for another object, other contents, another file name or another key', () => {
    const changed = files.map((file, index) => (index === 0 ? { ...file, bytes: Uint8Array.of(1) } : file));
    const renamed = files.map((file, index) => (index === 0 ? { ...file, name: 'x' } : file));
    const all = [
      name,
      nameOf(files, { uid: 'other' }),
      nameOf(changed),
      nameOf(renamed),
      nameOf(files, { digest: digestWith(new Uint8Array([1])) }),
    ];
    expect(new Set(all).size).toBe(all.length);
  });
});

test('the image has the label that cloud-init looks for, and is the same for the same files', () => {
  const content = found(imageContent('nocloud', anInput({ userData: '#!/bin/sh\n' })));
  const image = cloudInitImage(content);
  expect(Buffer.from(image.subarray(16 * 2048 + 40, 16 * 2048 + 46)).toString()).toBe('cidata');
  expect(Buffer.compare(image, cloudInitImage(content))).toBe(0);
});
