/** All pages: their links lead somewhere, and their manifests are accepted. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { KINDS } from '../../../src/api/index.ts';
import { isOurs, objectsIn } from '../../fixtures/manifests.ts';

const PAGES = globSync(['*.md', 'docs/**/*.md', 'deploy/**/*.md', 'test/README.md']);
const read = (page: string): string => readFileSync(page, 'utf8');
const withoutCode = (text: string): string =>
  text
    .replaceAll(/^( *)```.*?^\1```/gms, '')
    .replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, ''));

/** As GitHub makes them of headings. */
const anchorOf = (heading: string): string =>
  heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

function anchorsOf(page: string): ReadonlySet<string> {
  const headings = [
    ...read(page)
      .replaceAll(/^( *)```.*?^\1```/gms, '')
      .matchAll(/^#+ (.+)$/gm),
  ];
  return new Set(headings.map(([, heading = '']) => anchorOf(heading)));
}

/** What is wrong with a link of a page; `undefined`: nothing. */
function problemOf(page: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(target)) return `${link}: ${target} does not exist`;
  if (anchor === undefined || !target.endsWith('.md')) return undefined;
  return anchorsOf(target).has(anchor) ? undefined : `${link}: ${target} has no heading #${anchor}`;
}

const linksOf = (page: string): readonly string[] =>
  [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link));

test.each(PAGES)('%s: each link leads to a file, and to a heading of it', (page) => {
  expect(linksOf(page).flatMap((link) => problemOf(page, link) ?? [])).toEqual([]);
});

test('a link that leads nowhere is found', () => {
  expect(problemOf('README.md', 'docs/nowhere.md')).toContain('does not exist');
  expect(problemOf('README.md', 'docs/runbook.md#nothing')).toContain('has no heading');
  expect(problemOf('docs/runbook.md', '#provider')).toBeUndefined();
});

test('each page can be found from the README', () => {
  const found = new Set<string>();
  const visit = (page: string): void => {
    if (found.has(page)) return;
    found.add(page);
    for (const link of linksOf(page)) {
      const target = normalize(join(dirname(page), link.split('#')[0] ?? ''));
      if (target.endsWith('.md') && existsSync(target)) visit(target);
    }
  };
  visit('README.md');
  const pages = PAGES.filter((page) => page.startsWith('docs/') && !page.startsWith('docs/adr/'));
  expect(pages.filter((page) => !found.has(page))).toEqual([]);
});

test('each page for users is in the side bar of the site', () => {
  const config = readFileSync('hack/site/.vitepress/config.mjs', 'utf8');
  const forDevelopers = ['admission', 'architecture', 'fakepve', 'template-options', 'threat-model'];
  const pages = globSync('docs/{,guides/,kinds/}*.md').map((page) => page.replace(/\.md$/, ''));
  const missing = pages.filter((page) => !config.includes(`'${page}'`));
  expect(missing.map((page) => page.replace('docs/', '')).toSorted()).toEqual(forDevelopers);
});

/** Those of docs/mistakes.md are wrong on purpose; patches of Kustomize and lines of a spec are no objects. */
const MANIFESTS = PAGES.filter((page) => page !== 'docs/mistakes.md').flatMap((page) =>
  [...read(page).matchAll(/^```yaml\n(.*?)^```/gms)]
    .map(([, yaml = '']) => yaml)
    .filter((yaml) => yaml.startsWith('apiVersion: infra.virtrigaud.io/'))
    .flatMap((yaml) => objectsIn(yaml).filter(isOurs))
    .map((object, index) => ({ page, index, object })),
);

describe('the manifests', () => {
  test.each(MANIFESTS)('$page, number $index: $object.kind $object.metadata.name', ({ object }) => {
    const { spec } = KINDS.find(({ kind }) => kind === object.kind)!;
    expect(spec.safeParse(object.spec)).toMatchObject({ success: true });
  });
});
