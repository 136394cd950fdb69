/** Data whose cost for the loop would grow faster than its size. */
import { expect, test } from '@jest/globals';
import { nativeKeys, noCloudFiles, requiredMode, imageContent } from '../../../src/cloudinit/index.ts';
import { readText } from '../../../src/cloudinit/documents.ts';
import { isPlainScalar, isPlainYaml } from '../../../src/cloudinit/yaml.ts';
import { anInput, ED25519, found, problemOf } from './input.ts';

test('more than 1000 SSH keys are refused, however they are delivered', () => {
  const input = anInput({ sshKeys: Array.from({ length: 1001 }, (_, n) => `${ED25519}-${n}`) });
  const results = [
    requiredMode(input),
    nativeKeys(input),
    noCloudFiles(input),
    imageContent('configdrive2', input),
  ];
  for (const result of results)
    expect(problemOf(result)).toBe(
      'There are 1001 SSH keys, and a guest can get at most 1000. Remove keys from the Secret.',
    );
  expect(found(requiredMode({ ...input, sshKeys: input.sshKeys.slice(1) }))).toBe('Native');
});

test.each([
  ['- - -'],
  ['? a'],
  [': a'],
  ['--- a'],
  ['... a'],
  ['a: b'],
  ['a:'],
  ['a #b'],
  ['[a]'],
  ['{a: b}'],
  ["'a'"],
  ['"a"'],
  ['&a b'],
  ['*a'],
  ['!a b'],
  ['|'],
  ['> a'],
  ['%a'],
  ['@a'],
  ['`a`'],
  ['#a'],
  [' a'],
  ['a\nb'],
  [''],
])('%j is known not to be a plain text, without parsing it', (text) => {
  expect(isPlainScalar(text)).toBe(false);
});

test.each([['web'], ['a-b'], ['-a'], ['a:b'], ['a#b'], ['a [b], {c}'], [ED25519]])(
  '%j is a plain text',
  (text) => {
    expect([isPlainScalar(text), isPlainYaml(text)]).toEqual([true, true]);
  },
);

test('aliases in meta-data cannot multiply what is kept of it', () => {
  const metaData = `a: &a "${'x'.repeat(100_000)}"\nb: [${'*a, '.repeat(90)}]\n`;
  const { metaData: read } = readText({ part: 'metaData', text: metaData });
  expect(found(read!)).toMatchObject({ values: { problem: expect.stringContaining('anchors too often') } });
});

test.each(['', '#cloud-config\n'])('meta-data in any form gets what it lacks: %j', (start) => {
  for (const metaData of [
    '{a: b}',
    '{}',
    'a: b\n...\n',
    '# one\na: b\n# two',
    '---\na: b',
    'a: |+\n  b\n\n',
    '&x\na: b',
  ])
    expect(
      new TextDecoder().decode(found(noCloudFiles(anInput({ metaData: start + metaData })))[1]!.bytes),
    ).toMatch(/^instance-id: "c7b0a0b2-5a55-4f0e-9b0c-3c1f6a0e9d11"\nlocal-hostname: "web"\n$/m);
});
