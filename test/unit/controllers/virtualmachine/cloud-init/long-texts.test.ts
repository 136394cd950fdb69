/**
 * How long it takes to look for something in a text is up to whoever wrote it. So the loop that renews the Lease looks
 * into no long one, in no pass: it only copies, compares and hashes them.
 */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { digestsOf } from '../../../../../controllers/virtualmachine/cloud-init/delivered-digests.ts';
import { needsImage } from '../../../../../controllers/virtualmachine/cloud-init/needs-image.ts';
import { resolveCloudInit } from '../../../../../controllers/virtualmachine/cloud-init/resolve.ts';
import { dataProblem } from '../../../../../controllers/virtualmachine/cloud-init/validate.ts';
import { createDocumentReader, imageContent } from '../../../../../src/cloudinit/index.ts';
import { readText, type Text } from '../../../../../src/cloudinit/documents.ts';
import { aDigest, aMark } from '../../../../builders/guests.ts';
import { aVirtualMachine, type VirtualMachineChange } from '../../../../builders/objects.ts';
import { inputOf } from '../../../../../controllers/virtualmachine/cloud-init/validate.ts';

/** In characters: no short text in these tests, nor a message, is as long. */
const LONG = 4096;
const MAX = 16 * 1024;

/** The long texts that were looked into since the test began, and how. */
const lookedInto: string[] = [];
const note = (how: string, text: unknown): void => {
  if (typeof text === 'string' && text.length > LONG) lookedInto.push(how);
};

/** What goes through a text character by character. Replacing, matching and testing with a pattern end in `exec`. */
beforeEach(() => {
  lookedInto.length = 0;
  const exec: (text: string) => RegExpExecArray | null = Reflect.get(RegExp.prototype, 'exec');
  const split = Reflect.get(String.prototype, 'split');
  const { parse } = JSON;
  jest.spyOn(RegExp.prototype, 'exec').mockImplementation(function (this: RegExp, text) {
    note(String(this), text);
    return exec.call(this, text);
  });
  jest.spyOn(String.prototype, 'split').mockImplementation(function (
    this: string,
    ...by: Parameters<typeof split>
  ) {
    note('split', this.valueOf());
    return Reflect.apply(split, this, by);
  });
  jest.spyOn(JSON, 'parse').mockImplementation((text, ...rest) => {
    note('JSON.parse', text);
    return parse(text, ...rest) as unknown;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
});

/** As in a worker thread. */
function elsewhere(text: Text) {
  const before = lookedInto.length;
  const documents = readText(text);
  lookedInto.length = before;
  return Promise.resolve(documents);
}

const secret = (name: string) => ({ secretRef: { name } });

/** What a pass over a VM that is not made yet asks, which is all that can be asked. */
async function pass(spec: VirtualMachineChange['spec'], values: Readonly<Record<string, string>>) {
  const vm = aVirtualMachine({ spec: { ...spec, sshKeysSecretRef: undefined } });
  const want = { owner: aMark(), nics: [] };
  const resolved = await resolveCloudInit(vm, want, {
    readSecret: (_namespace, name) =>
      Promise.resolve({
        values: Object.fromEntries(
          ['userdata', 'metadata', 'networkdata', 'ignition'].map((key) => [key, values[name] ?? '']),
        ),
      }),
    readDocuments: createDocumentReader({ now: () => 0, read: elsewhere, patienceMs: 60_000 }),
    digest: aDigest,
  });
  if (!resolved.ok) throw new Error(resolved.message);
  const wanted = { ...want, name: 'web', cloudInit: resolved.desired };
  const problem = dataProblem(wanted, [{ ostype: 'l26' }, { ostype: 'win11' }]);
  const images = (['nocloud', 'configdrive2'] as const).map((layout) =>
    imageContent(layout, inputOf(wanted)),
  );
  return {
    problem,
    image: needsImage(wanted),
    images,
    digests: digestsOf(wanted, aDigest),
    desired: resolved.desired,
  };
}

const long = (text: string): string => text.repeat(Math.ceil(MAX / text.length));

describe('a pass does not look into a long', () => {
  test.each([
    ['script', `#!/bin/sh\n${long('echo a\n')}`, undefined],
    ['MIME message', `MIME-Version: 1.0\n${long('a\n')}`, undefined],
    ['cloud-config', `#cloud-config\nwrite_files:\n- content: |\n${long('    ---\n')}`, undefined],
    ['machine configuration of Talos', `version: v1alpha1\nmachine:\n${long('---\n')}`, undefined],
    ['script of Windows', `#ps1\n${long('a = 1\n')}`, undefined],
    ['Ignition configuration', `{"ignition":{"version":"3.4.0"},"a":[${long('{},')}{}]}`, undefined],
    ['text that is delivered as it is', long('<script'), 'Raw' as const],
    ['text in Base64', Buffer.from(long('hello, world\n')).toString('base64'), 'Base64' as const],
  ])('%s', async (_what, userData, format) => {
    const cloudInit = { ...secret('user'), ...(format && { format }) };
    const { problem, image } = await pass({ userData: { cloudInit } }, { user: userData });
    expect({ problem, image }).toEqual({ problem: undefined, image: true });
    expect(lookedInto).toEqual([]);
  });

  test('text of no format, which is refused', async () => {
    const { problem } = await pass({ userData: { cloudInit: secret('user') } }, { user: long('#\n \t') });
    expect(problem).toMatchObject({ reason: 'CloudInitInvalid' });
    expect(lookedInto).toEqual([]);
  });

  test('Ignition configuration in a field of its own, meta-data or network data', async () => {
    const ignition = `{"ignition":{"version":"3.4.0"},"a":[${long('{},')}{}]}`;
    expect(await pass({ userData: { ignition: secret('user') } }, { user: ignition })).toMatchObject({
      problem: undefined,
    });
    const { images } = await pass(
      { metaData: { cloudInit: secret('meta') }, networkData: secret('net') },
      {
        meta: `a: |\n${long('  b\n')}`,
        net: `{"links":[],"networks":[],"a":"${long('\\u0041'.repeat(8))}"}`,
      },
    );
    expect(images).toMatchObject([{ problem: expect.any(String) }, { value: {} }]);
    expect(lookedInto).toEqual([]);
  });
});

test('an Ignition configuration in the field of cloud-init is one, however long it is', async () => {
  for (const size of [10, 10_000]) {
    const text = `{"ignition":{"version":"3.4.0"},"a":"${'b'.repeat(size)}"}`;
    const { desired, images } = await pass({ userData: { cloudInit: secret('user') } }, { user: text });
    expect(desired).toMatchObject({ userData: undefined, ignition: text });
    expect(images[0]).toMatchObject({ value: { files: expect.any(Array) } });
  }
});

describe('what a pass compares several times', () => {
  test('is hashed once, however long it is', () => {
    const hashed: number[] = [];
    const digest = (text: string): string => {
      hashed.push(text.length);
      return aDigest(text);
    };
    const cloudInit = { userData: long('a'), metaData: long('b'), networkData: long('c'), sshKeys: [] };
    const want = { owner: aMark(), cloudInit, nics: [] };
    const first = digestsOf(want, digest);
    expect(digestsOf({ ...want }, digest)).toEqual(first);
    expect(hashed.filter((length) => length > LONG)).toHaveLength(3);
    expect(digestsOf({ ...want, owner: { ...aMark(), uid: 'other' } }, digest)).not.toEqual(first);
  });
});

test.each([
  [
    'blank lines and comments',
    '\n\r\n  \n# one\n\t# two\n ssh-ed25519 AAAA a \r\n\n',
    ['ssh-ed25519 AAAA a'],
  ],
  ['no line end', 'a b\nc d', ['a b', 'c d']],
  ['nothing', '', []],
])('SSH keys are the lines of a Secret, but %s', async (_what, text, keys) => {
  expect(await keysIn(text)).toEqual(keys);
});

test('of a Secret with more SSH keys than a guest can get, only so many are read that it is refused', async () => {
  expect(await keysIn('key\n'.repeat(250_000))).toHaveLength(1001);
});

async function keysIn(text: string): Promise<readonly string[]> {
  const resolved = await resolveCloudInit(
    aVirtualMachine({ spec: { sshKeysSecretRef: { name: 'keys' } } }),
    { owner: aMark(), nics: [] },
    {
      readSecret: () => Promise.resolve({ values: { 'ssh-publickey': text } }),
      readDocuments: () => Promise.resolve({}),
      digest: aDigest,
    },
  );
  return resolved.ok ? resolved.desired.sshKeys : [];
}
