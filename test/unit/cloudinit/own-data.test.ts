import { describe, expect, jest, test } from '@jest/globals';
import { parse } from 'yaml';
import { requiredMode, noCloudFiles } from '../../../src/cloudinit/index.ts';
import { aNic, anInput, found, problemOf } from './input.ts';

const IGNITION = '{"ignition": {"version": "3.4.0"},\n "passwd": {}}';

const filesOf = (...input: Parameters<typeof anInput>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    found(noCloudFiles(anInput(...input))).map(({ name, bytes }) => [name, new TextDecoder().decode(bytes)]),
  );

describe('an Ignition configuration', () => {
  test('takes an image, and is delivered byte for byte', () => {
    const input = anInput({ ignition: IGNITION });
    expect(found(requiredMode(input))).toBe('Image');
    expect(filesOf({ ignition: IGNITION })['user-data']).toBe(IGNITION);
  });

  test('is parsed once, however often it is asked for', () => {
    const ignition = `{"ignition": {"version": "3.4.0"}, "a": ${'['.repeat(1000)}${']'.repeat(1000)}}`;
    const parsing = jest.spyOn(JSON, 'parse');
    for (let n = 0; n < 10; n += 1) noCloudFiles(anInput({ ignition }));
    expect(parsing.mock.calls.filter(([text]) => text === ignition)).toHaveLength(1);
    parsing.mockRestore();
  });

  test.each([
    ['a Butane file', 'variant: fcos\nversion: 1.5.0\n'],
    ['JSON of something else', '{"version": "3.4.0"}'],
    ['a version that is a number', '{"ignition": {"version": 3}}'],
    ['nothing', ''],
    ['a cloud-config', '#cloud-config\nfcos: 1\n', 'put it into spec.userData.cloudInit'],
  ])('is refused where it is %s, without a word of its content', (_what, ignition, help = 'butane') => {
    const problem = problemOf(noCloudFiles(anInput({ ignition })));
    expect(problem).toContain('ignition.version');
    expect(problem).toContain(help);
    expect(problem).not.toContain('fcos');
  });

  test('comes with the network as Afterburn reads it', () => {
    const nics = [
      aNic({
        addresses: ['192.0.2.9/24', '2001:db8::9/64'],
        gateway4: '192.0.2.1',
        gateway6: 'fe80::1',
        dns: ['192.0.2.53'],
      }),
      aNic({ device: 'net2', dhcp4: true, ipv6: 'auto' }),
    ];
    expect(parse(filesOf({ ignition: IGNITION, nics })['network-config'] ?? '')).toEqual({
      version: 1,
      config: [
        {
          type: 'physical',
          name: 'eth0',
          mac_address: 'bc:24:11:00:00:01',
          subnets: [
            { type: 'static', address: '192.0.2.9', netmask: '255.255.255.0', gateway: '192.0.2.1' },
            { type: 'static6', address: '2001:db8::9/64', gateway: 'fe80::1' },
          ],
        },
        {
          type: 'physical',
          name: 'eth2',
          mac_address: 'bc:24:11:00:00:01',
          subnets: [{ type: 'dhcp4' }, { type: 'ipv6_slaac' }],
        },
        { type: 'nameserver', address: ['192.0.2.53'] },
      ],
    });
  });
});

describe("meta-data of the user's own", () => {
  test('takes an image, and gets an instance-id and a name', () => {
    const input = { metaData: 'region: eu\nport: 0644\n' };
    expect(found(requiredMode(anInput(input)))).toBe('Image');
    const text = filesOf(input)['meta-data'] ?? '';
    expect(text).toContain('port: 0644');
    expect(parse(text)).toMatchObject({
      region: 'eu',
      'instance-id': anInput().instanceId,
      'local-hostname': 'web',
    });
  });

  test('keeps those of its own', () => {
    expect(parse(filesOf({ metaData: 'instance-id: mine\n' })['meta-data'] ?? '')).toEqual({
      'instance-id': 'mine',
      'local-hostname': 'web',
    });
  });

  test.each([['- a\n'], ['just words'], ['a: [']])('is refused as %j', (metaData) => {
    expect(problemOf(noCloudFiles(anInput({ metaData })))).toMatch(/meta-data/);
  });
});

describe("network data of the user's own", () => {
  test.each([['version: 1\nconfig: []\n'], ['network:\n  version: 2\n'], ['{"version": 2}']])(
    'takes the place of what follows from the networks: %j',
    (networkData) => {
      expect(found(requiredMode(anInput({ networkData })))).toBe('Image');
      expect(filesOf({ networkData })['network-config']).toBe(networkData);
    },
  );

  test.each([['version: 3\n'], ['ethernets: {}\n'], ['a: [']])('is refused as %j', (networkData) => {
    expect(problemOf(noCloudFiles(anInput({ networkData })))).toMatch(/network data/);
  });
});
