import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { notesOf, obstacles, versionsIn, withImage, withImageValues } from '../../../hack/release-files.ts';

const read = (path: string): string => readFileSync(path, 'utf8');
const IMAGE = { repository: 'ghcr.io/acme/virtrigaud-proxmox', digest: `sha256:${'a'.repeat(64)}` };

describe('a release', () => {
  const versions = versionsIn(read);
  const [version = ''] = Object.values(versions);
  const changelog = `# Changes\n\n## ${version} - 2026-12-01\n\n### Added\n\n- This.\n\n## 0.0.1\n\n- That.\n`;

  test('is possible under the version that everything names', () => {
    expect(obstacles(`v${version}`, versions, changelog)).toEqual([]);
  });

  test('is not possible under another one, without notes, or under a tag of another form', () => {
    expect(obstacles('v99.0.0', versions, changelog)).toEqual([
      ...Object.keys(versions).map((place) => `${place} says ${version}, the tag 99.0.0.`),
      'CHANGELOG.md has no section "## 99.0.0". Rename "## Unreleased".',
    ]);
    expect(obstacles(version, versions, changelog)).toEqual([
      `The tag is "${version}", and has to be like v1.2.3.`,
    ]);
    expect(obstacles(`v${version}`, versions, '## Unreleased\n')).toHaveLength(1);
  });

  test('has the notes of its version only', () => {
    expect(notesOf(version, changelog)).toBe('### Added\n\n- This.');
    expect(notesOf('0.0.1', changelog)).toBe('- That.');
  });
});

describe('what a release contains', () => {
  test('installs the image by its digest', () => {
    const before = read('deploy/install.yaml');
    const after = withImage(before, IMAGE);
    expect(after).toContain(`image: ${IMAGE.repository}@${IMAGE.digest}\n`);
    expect(after.replace(`${IMAGE.repository}@${IMAGE.digest}`, '')).toBe(
      before.replace(/virtrigaud-proxmox:\d+\.\d+\.\d+$/m, ''),
    );
    expect(() => withImage('kind: Pod', IMAGE)).toThrow('named 0 times');
  });

  test('has the image in the values of the chart, with nothing else changed', () => {
    const before = read('deploy/chart/values.yaml');
    const after = withImageValues(before, IMAGE);
    const values = parse(before) as { image: object };
    expect(parse(after)).toEqual({ ...values, image: { ...values.image, ...IMAGE } });
    expect(after.match(/^ *#.*$/gm)).toEqual(before.match(/^ *#.*$/gm));
  });
});
