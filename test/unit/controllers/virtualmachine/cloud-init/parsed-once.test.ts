/** A VM may wait for its turn for many passes. Its data may be large, and the Lease is renewed on the same loop. */
import { expect, jest, test } from '@jest/globals';
import * as yaml from 'yaml';
import type { DesiredCloudInit } from '../../../../../controllers/virtualmachine/model/desired.ts';
import { aMark } from '../../../../builders/guests.ts';

/** By this thread. */
const parsed: string[] = [];
jest.unstable_mockModule('yaml', () => ({
  ...yaml,
  Parser: class extends yaml.Parser {
    override parse(text: string) {
      parsed.push(text);
      return super.parse(text);
    }
  },
}));
const { dataProblem } = await import('../../../../../controllers/virtualmachine/cloud-init/validate.ts');
const { needsImage } = await import('../../../../../controllers/virtualmachine/cloud-init/needs-image.ts');
const { createDocumentReader } = await import('../../../../../src/cloudinit/index.ts');

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJscscCHStQhxxPat6mmcGWgN9iFmWZC6gc9arYFPqajm one';
const aCloudConfig = (first: string, lines = ''): string =>
  `#cloud-config\n${first}\nwrite_files:\n- path: /etc/some.conf\n  content: |\n    some text\n${lines}`;

/** What placing asks in each round of a pass. */
function pass(cloudInit: DesiredCloudInit, name = 'web'): unknown {
  const want = { owner: aMark(), name, cloudInit, nics: [] };
  return [dataProblem(want, [{ ostype: 'l26' }, { ostype: 'win11' }]), needsImage(want)];
}

test('256 KiB of text are not parsed by the thread that renews the Lease', async () => {
  const lines = '    another line\n'.repeat(16_000);
  const texts = {
    userData: aCloudConfig('package_update: true', lines),
    metaData: `notes: |\n${lines}`,
    networkData: `version: 2\nnotes: |\n${lines}`,
    sshKeys: [KEY],
  };
  const read = createDocumentReader({ now: () => 0, patienceMs: 60_000 });
  parsed.length = 0;
  const documents = await read('team', texts);
  for (let n = 0; n < 5; n += 1)
    expect(pass({ ...texts, documents: documents! }, `web-${n}`)).toEqual([undefined, true]);
  expect(parsed).toEqual([]);
}, 60_000);

test('a long text that was not read before is refused rather than parsed', () => {
  parsed.length = 0;
  const [problem] = pass({ userData: aCloudConfig('a: b', '    line\n'.repeat(1000)), sshKeys: [] }) as [
    unknown,
  ];
  expect(problem).toMatchObject({ reason: 'CloudInitInvalid' });
  expect(parsed).toEqual([]);
});

test('SSH keys of any form are not parsed', () => {
  const sshKeys = [`${KEY} a: [,,,,`, '--- [,,,,', '- - - -', 'a: b', '{a: b}', '? a', ...[KEY]];
  expect(pass({ userData: undefined, sshKeys })).toEqual([undefined, true]);
  expect(parsed.filter((text) => text !== 'web')).toEqual([]);
});

test('VMs with equal user-data share the result', () => {
  const userData = aCloudConfig('package_update: false');
  parsed.length = 0;
  for (let n = 0; n < 20; n += 1) pass({ userData, sshKeys: [] }, `web-${n}`);
  expect(parsed).toHaveLength(1);
});

test('what is wrong is found again in each pass, and a correction at once', () => {
  const wrong = { userData: '#cloud-config\na: [\n', sshKeys: [] };
  parsed.length = 0;
  const first = pass(wrong);
  expect(first).toMatchObject([{ reason: 'CloudInitInvalid' }, false]);
  expect(pass(wrong)).toEqual(first);
  expect(parsed).toHaveLength(1);
  const corrected = { ...wrong, userData: '#cloud-config\na: []\n' };
  expect(pass(corrected)).toEqual([undefined, true]);
});

test('keys, meta-data and network data cost nothing more in later passes', () => {
  const cloudInit = {
    userData: aCloudConfig('package_upgrade: true'),
    metaData: 'a: b\n',
    networkData: 'version: 2\n',
    sshKeys: [KEY],
  };
  const first = pass(cloudInit);
  parsed.length = 0;
  expect(pass(cloudInit)).toEqual(first);
  expect(parsed).toEqual([]);
});
