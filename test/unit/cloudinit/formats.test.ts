import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { gzipSync } from 'node:zlib';
import { parse } from 'yaml';
import {
  imageContent,
  noCloudFiles,
  requiredMode,
  type CloudInitInput,
} from '../../../src/cloudinit/index.ts';
import { aNic, anInput, aReadInput, ED25519, found, OTHER_ED25519, problemOf } from './input.ts';

const filesOf = (input: Partial<CloudInitInput>): Record<string, Buffer> =>
  Object.fromEntries(
    found(noCloudFiles(anInput(input))).map(({ name, bytes }) => [name, Buffer.from(bytes)]),
  );
const read = (bytes: Buffer | undefined): unknown => parse((bytes ?? '').toString(), { version: '1.1' });

const TALOS = [
  'version: v1alpha1 # comment',
  'debug: false',
  'machine:',
  '  type: worker',
  '---',
  'apiVersion: v1alpha1',
  'kind: HostnameConfig',
  'hostname: w1',
  '',
].join('\n');

const FOREIGN: readonly (readonly [string, string])[] = [
  ['a Talos machine configuration of several documents', TALOS],
  ['a Talos machine configuration that begins with #!talos', `#!talos\n${TALOS}`],
  ['a Talos machine configuration after comments and a document marker', `# mine\n---\n${TALOS}`],
  ['a Talos document alone', 'apiVersion: v1alpha1\nkind: HostnameConfig\nhostname: w1\n'],
  ['a Talos patch with only a cluster', 'version: "v1alpha1"\ncluster:\n  clusterName: a\n'],
  ['PowerShell', '#ps1\nWrite-Host "é"\r\n'],
  ['PowerShell of the native architecture', '#ps1_sysnative\r\nWrite-Host 1\r\n'],
  ['PowerShell of 32 bits', '#ps1_x86\nWrite-Host 1\n'],
  ['a PowerShell tag', '<powershell>\nWrite-Host 1\n</powershell>\n'],
  ['a script tag', '\n<script>\ndir\n</script>\n'],
  ['a batch file', 'rem cmd\r\ndir\r\n'],
  ['a certificate', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'],
  ['a TOML table', '# Bottlerocket\n[settings.kubernetes]\napi-server = "https://x"\n'],
  ['a TOML array of tables', '[[settings.users]]\nname = "a"\n'],
  ['a TOML value', 'motd = "hello"\n'],
];

describe('user-data for other programs than cloud-init', () => {
  test.each(FOREIGN)('is delivered byte for byte: %s', (_what, userData) => {
    expect(requiredMode(anInput({ userData }))).toEqual({ value: 'Image' });
    expect(filesOf({ userData })['user-data']!.toString()).toBe(userData);
  });

  test.each(FOREIGN.filter(([what]) => !what.includes('Talos')))(
    'stays unchanged where there are SSH keys, which are in the meta-data: %s',
    (_what, userData) => {
      const files = filesOf({ userData, sshKeys: [ED25519] });
      expect(files['user-data']!.toString()).toBe(userData);
      expect(Object.keys(read(files['meta-data']) as object)).toContain('public-keys');
    },
  );

  test.each([
    ['cloud-init', 'motd = "hello"\n', [ED25519, OTHER_ED25519]],
    [
      'cloudbase-init',
      '#ps1\n',
      { 'key-0': { 'openssh-key': ED25519 }, 'key-1': { 'openssh-key': OTHER_ED25519 } },
    ],
  ])('has the keys as %s reads them, with and without meta-data of the user', (_reader, userData, keys) => {
    for (const metaData of [undefined, 'region: a\n']) {
      const files = filesOf({ userData, sshKeys: [ED25519, OTHER_ED25519], metaData });
      expect(read(files['meta-data'])).toMatchObject({ 'public-keys': keys });
    }
  });

  test.each([
    ['Talos', TALOS],
    ['cloudbase-init', '#ps1\n'],
  ])('has network data of version 1 for %s, which every release of it reads', (_reader, userData) => {
    const nics = [aNic({ addresses: ['192.0.2.9/24'] })];
    const { 'network-config': network } = filesOf({ userData, nics });
    expect(read(network)).toMatchObject({ version: 1, config: [{ type: 'physical', name: 'eth0' }] });
  });

  test('has only fixed addresses for cloudbase-init, which takes DHCP for one', () => {
    const nics = [aNic({}), aNic({ device: 'net1', addresses: ['192.0.2.9/24'], ipv6: 'auto' })];
    const { 'network-config': network } = filesOf({ userData: '#ps1\n', nics });
    expect(read(network)).toMatchObject({
      config: [{ name: 'eth1', subnets: [{ type: 'static', address: '192.0.2.9' }] }],
    });
    expect((read(network) as { config: unknown[] }).config).toHaveLength(1);
    expect(Object.keys(filesOf({ userData: '#ps1\n' }))).not.toContain('network-config');
  });

  test('is refused for Talos with SSH keys, because nothing would read them', () => {
    expect(problemOf(noCloudFiles(anInput({ userData: TALOS, sshKeys: [ED25519] })))).toContain(
      'sshKeysSecretRef',
    );
  });
});

describe('user-data whose format is named', () => {
  test.each([
    ['text of any kind', 'set system host-name r1\n'],
    ['what would be a slip', '# cloud-config\nusers: []\n'],
    ['a broken cloud-config', '#cloud-config\n\t- x\n'],
    ['Base64', 'I2Nsb3VkLWNvbmZpZwo=\n'],
  ])('is delivered unchanged as Raw: %s', (_what, userData) => {
    expect(filesOf({ userData, userDataFormat: 'Raw' })['user-data']!.toString()).toBe(userData);
  });

  test('is decoded from Base64, with line breaks', () => {
    const bytes = gzipSync('#cloud-config\npackages: [nginx]\n'.repeat(20));
    const userData = bytes.toString('base64').replace(/(.{20})/g, '$1\n');
    expect(filesOf({ userData, userDataFormat: 'Base64' })['user-data']).toEqual(bytes);
  });

  test.each([
    [
      'encoded twice',
      Buffer.from('#cloud-config\npackages: [nginx]\n').toString('base64'),
      'looks like Base64',
    ],
    ['without its first line', 'packages: [nginx]\n', '#cloud-config'],
    ['a cloud-config that is no YAML', '#cloud-config\na: [\n', 'YAML'],
  ])('is refused if what is decoded looks like a mistake: %s', (_what, text, why) => {
    const userData = Buffer.from(text).toString('base64');
    const problem = problemOf(noCloudFiles(anInput({ userData, userDataFormat: 'Base64' })));
    expect(problem).toContain(why);
    expect(problem).toContain('Decoded from Base64');
  });

  test('is refused if it is not Base64', () => {
    const problem = problemOf(noCloudFiles(anInput({ userData: '#!/bin/sh', userDataFormat: 'Base64' })));
    expect(problem).toContain('not Base64');
  });

  test('stays limited to 3 MiB, counted as it is delivered', () => {
    const userData = Buffer.alloc(3 * 1024 ** 2 + 1).toString('base64');
    expect(problemOf(requiredMode(aReadInput({ userData, userDataFormat: 'Base64' })))).toContain('3 MiB');
  });
});

describe('bytes of a Secret that are no text', () => {
  const binary = (bytes: Uint8Array): Partial<CloudInitInput> => ({
    userData: Buffer.from(bytes).toString('base64'),
    userDataFormat: 'Binary',
  });

  test('are delivered unchanged if they are compressed, and keys are in the meta-data', () => {
    const bytes = gzipSync('#cloud-config\n');
    const files = filesOf({ ...binary(bytes), sshKeys: [ED25519], metaData: 'region: a\n' });
    expect(files['user-data']).toEqual(bytes);
    expect(read(files['meta-data'])).toMatchObject({ region: 'a', 'public-keys': [ED25519] });
  });

  test("are refused with keys in two places: the Secret's and the meta-data's", () => {
    const input = { ...binary(gzipSync('x')), sshKeys: [ED25519], metaData: 'public-keys: [a]\n' };
    expect(problemOf(noCloudFiles(anInput(input)))).toContain('public-keys');
  });

  test.each([
    ['UTF-16', Buffer.from('\uFEFF#ps1\r\n', 'utf16le'), 'save it as UTF-8'],
    ['something else', Buffer.from([0x80, 0x81]), 'to Raw'],
  ])('are refused if they are %s', (_what, bytes, help) => {
    expect(problemOf(noCloudFiles(anInput(binary(bytes))))).toContain(help);
  });
});

describe('a slip is refused with what to do about it', () => {
  test.each([
    ['a cloud-config without its header', 'packages:\n  - nginx\n', 'Add the first line #cloud-config'],
    ['a space in the header', '# cloud-config\nusers: []\n', 'misspelled'],
    ['an underscore in the header', '#cloud_config\nusers: []\n', 'misspelled'],
    ['a header like the first line of a script', '#!cloud-config\nusers: []\n', 'misspelled'],
    ['another word in the header', '#cloud-init\nusers: []\n', 'misspelled'],
    ['a comment above the header', '# by me\n#cloud-config\nusers: []\n', 'must be the first line'],
    ['a byte order mark', '\uFEFF#cloud-config\n', 'byte order mark'],
    ['a byte order mark before PowerShell', '\uFEFF#ps1\nWrite-Host\n', 'byte order mark'],
    ['a blank line before PowerShell', '\n#ps1\nWrite-Host\n', 'at the very beginning'],
    ['a batch header in capitals', 'REM CMD\r\ndir\r\n', 'in lower case'],
    ['a batch file without its header', '@echo off\r\ndir\r\n', '"rem cmd"'],
    ['a script without its first line', 'apt-get install -y nginx\n', '#!/bin/sh'],
    ['a Butane file', 'variant: flatcar\nversion: 1.1.0\n', 'Butane'],
    ['Base64', 'I2Nsb3VkLWNvbmZpZwo=', 'looks like Base64'],
    ['Base64 of compressed data', gzipSync('#cloud-config\n').toString('base64'), 'looks like Base64'],
    ['compressed data as text', '\x1f\x8b\x08\x00', 'compressed'],
    ['a Talos configuration with the header of cloud-init', `#cloud-config\n${TALOS}`, 'Talos'],
    ['prose', 'hello world\n', '#cloud-config'],
    ['a shell variable', 'FOO="bar"\n', '#cloud-config'],
    ['other YAML', 'hello: world\n', '#cloud-config'],
    ['what almost is TOML', `[${'a.'.repeat(5000)}!\n`, '#cloud-config'],
    ['what almost is Base64', `${'AAAA'.repeat(9)}${' '.repeat(100_000)}!`, '#cloud-config'],
    ['a Kubernetes manifest', 'apiVersion: v1\nkind: Secret\n', '#cloud-config'],
  ])('%s', (_what, userData, help) => {
    const problem = problemOf(noCloudFiles(aReadInput({ userData })));
    expect(problem).toContain(help);
    expect(problem).toContain('spec.userData.cloudInit.format to Raw');
  });
});

test('no text makes an exception, and none is quoted in a problem', () => {
  const pieces = fc.constantFrom(
    '#cloud-config\n',
    '#!/bin/sh\n',
    '#ps1\n',
    'version: v1alpha1\n',
    'machine: SECRET\n',
    '---\n',
    '{"ignition": "SECRET"}',
    '[a.b]\n',
    'a = 1\n',
    '\uFEFF',
    ' ',
    '\n',
    'SECRET',
    'SECRETSECRET',
    '# SECRET\n',
    'packages: SECRET\n',
    '\x1f\x8b',
  );
  const format = fc.constantFrom(undefined, 'Raw' as const, 'Base64' as const, 'Binary' as const);
  fc.assert(
    fc.property(fc.array(pieces), format, fc.boolean(), (body, userDataFormat, withKeys) => {
      const input = anInput({ userData: body.join(''), userDataFormat, sshKeys: withKeys ? [ED25519] : [] });
      for (const result of [requiredMode(input), noCloudFiles(input), imageContent('configdrive2', input)])
        if ('problem' in result) expect(result.problem).not.toContain('SECRET');
    }),
    { numRuns: 500 },
  );
});

describe('what cloud-init reads is still read as such', () => {
  test.each([
    ['a script that writes a Talos configuration', `#!/bin/sh\ncat <<EOF\n${TALOS}EOF\n`],
    ['a template', '## template: jinja\n#cloud-config\nhostname: {{ v1.name }}\n'],
    ['a list of addresses', '#include\nhttps://example.com/a\n'],
    ['a list of addresses, read once', '#include-once\nhttps://example.com/a\n'],
    ['a boothook', '#cloud-boothook\n#!/bin/sh\n'],
    ['a part handler', '#part-handler\ndef list_types(): pass\n'],
    ['an archive', '#cloud-config-archive\n- content: a\n'],
    ['a JSON patch', '#cloud-config-jsonp\n[]\n'],
    ['a message', 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="x"\n\n--x--\n'],
  ])('%s', (_what, userData) => {
    expect(filesOf({ userData })['user-data']!.toString()).toBe(userData);
    expect(filesOf({ userData, sshKeys: [ED25519] })['user-data']!.toString()).toMatch(
      /^MIME-Version: 1\.0\n/,
    );
  });
});
