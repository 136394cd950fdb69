import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { folderOf, printNotices, type Package } from '../../../hack/generate/notices.ts';

const aPackage = (name: string, version = '1.0.0', texts = ['You may.']): Package => ({
  name,
  version,
  licence: 'MIT',
  texts,
});

describe('the notices of third parties', () => {
  test.each([
    ['node_modules/zod/v4/core/core.js', 'node_modules/zod'],
    ['node_modules/@pinojs/redact/index.js', 'node_modules/@pinojs/redact'],
    ['node_modules/a/node_modules/@b/c/lib/d.js', 'node_modules/a/node_modules/@b/c'],
    ['src/cmd/main.ts', undefined],
  ])('find the package of %s', (path, folder) => {
    expect(folderOf(path)).toEqual(folder === undefined ? [] : [folder]);
  });

  test('have every version of a package once, in order, with all its texts', () => {
    const text = printNotices([
      aPackage('b'),
      aPackage('a', '2.0.0', ['You may.', 'Thanks.']),
      aPackage('a', '1.0.0'),
      aPackage('b'),
    ]);
    const titles = text.split('\n').filter((line) => line.endsWith('(MIT)'));
    expect(titles).toEqual(['a 1.0.0 (MIT)', 'a 2.0.0 (MIT)', 'b 1.0.0 (MIT)']);
    expect(text).toContain('You may.\n\nThanks.\n');
  });

  test('name every package that the operator depends on', () => {
    const notices = readFileSync('THIRD_PARTY_NOTICES', 'utf8');
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: object };
    for (const name of Object.keys(dependencies)) expect(notices).toContain(`\n${name} `);
  });

  test('are in every image, with our own licence', () => {
    const images = readFileSync('Dockerfile', 'utf8')
      .split(/^FROM /m)
      .filter((stage) => stage.includes('ENTRYPOINT'));
    expect(images).toHaveLength(3);
    for (const image of images) expect(image).toMatch(/^COPY LICENSE THIRD_PARTY_NOTICES \.\/$/m);
    const ignored = readFileSync('.dockerignore', 'utf8').split('\n');
    expect(ignored).toEqual(
      expect.arrayContaining(['!LICENSE', '!THIRD_PARTY_NOTICES', '!hack/programs.ts']),
    );
  });
});
