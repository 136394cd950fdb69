import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { pinned } from '../../../hack/base-images.ts';

const DOCKERFILE = readFileSync('Dockerfile', 'utf8');
const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const argsIn = (dockerfile: string): readonly string[] => dockerfile.match(/^ARG .*_IMAGE=.*$/gm) ?? [];
const withoutDigests = (dockerfile: string): string => dockerfile.replaceAll(/@sha256:[0-9a-f]{64}$/gm, '');

describe('the base images', () => {
  test('are named once each, with their digests', () => {
    const bases = [...DOCKERFILE.matchAll(/^FROM (?:--platform=\S+ )?(\S+)/gm)].map(([, base]) => base);
    const stages = [...DOCKERFILE.matchAll(/ AS (\S+)$/gm)].map(([, name]) => name);
    const external = bases.filter((base) => !stages.includes(base));
    expect(new Set(external)).toEqual(new Set(['$BUILD_IMAGE', '$RUNTIME_IMAGE']));
    expect(argsIn(DOCKERFILE)).toHaveLength(2);
    for (const arg of argsIn(DOCKERFILE)) expect(arg).toMatch(/^ARG \w+=\S+:\S+@sha256:[0-9a-f]{64}$/);
  });

  test('keep their tag, and get a newer digest in place of an older one', () => {
    const asked: string[] = [];
    const first = pinned(DOCKERFILE, (image) => {
      asked.push(image);
      return digest('a');
    });
    expect(asked).toEqual(argsIn(withoutDigests(DOCKERFILE)).map((line) => line.split('=')[1]));
    expect(argsIn(first).every((line) => line.endsWith(`@${digest('a')}`))).toBe(true);
    expect(pinned(first, () => digest('b'))).toBe(first.replaceAll(digest('a'), digest('b')));
    expect(withoutDigests(first)).toBe(withoutDigests(DOCKERFILE));
  });

  test('are not pinned to something that is no digest', () => {
    expect(() => pinned(DOCKERFILE, () => 'latest')).toThrow('"latest" is no digest of node:');
    expect(() => pinned('FROM scratch', () => digest('a'))).toThrow('no base image');
  });
});
