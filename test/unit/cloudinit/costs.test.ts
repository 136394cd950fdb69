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
      'There are more than 1000 SSH keys. A guest can get at most so many: remove keys from the Secret.',
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

test.each([
  ['a list on one line', `a: [${','.repeat(256 * 1024)}`],
  ['lines', 'a:\n'.repeat(87_000)],
  ['brackets within each other', `a: ${'['.repeat(256 * 1024)}`],
  ['quotation marks', `a: ${'"'.repeat(1_000_000)}`],
])('a text of too many tokens is refused before it is parsed: %s', (_what, text) => {
  for (const part of ['metaData', 'networkData'] as const)
    expect(JSON.stringify(readText({ part, text }))).toContain('more than 200,000 values');
  const { userData } = readText({ part: 'userData', text: `#cloud-config\n${text}`, keys: [] });
  expect(problemOf(userData!)).toContain('more than 200,000 values');
});

test('a file of 100,000 lines in a cloud-config is a single value', () => {
  const text = `#cloud-config\nwrite_files:\n- path: /a\n  content: |\n${'    [a, b, c]: {d}\n'.repeat(100_000)}`;
  expect(found(readText({ part: 'userData', text, keys: [] }).userData!)).toEqual({
    kind: 'cloudConfig',
    config: { loginKeys: [] },
  });
});

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
