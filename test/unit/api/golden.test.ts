/** The public API of every kind is frozen: a change of it breaks users and stored objects, so it is made on purpose. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { apiSurface, goldenPath } from '../../../hack/generate/api-surface.ts';
import { KINDS } from '../../../src/api/index.ts';

const root = join(import.meta.dirname, '../../..');

const CHANGED =
  'The public API differs from test/golden/api. If that is intended, run "node hack/generate/golden.ts", ' +
  'commit the result and say in the message what it means for users and for objects that exist.';

describe('the public API', () => {
  test.each(KINDS)('of $kind is what was agreed', (kind) => {
    const agreed = readFileSync(join(root, goldenPath(kind)), 'utf8').split('\n');
    const now = apiSurface(kind).split('\n');
    const lost = agreed.filter((line) => !now.includes(line));
    const added = now.filter((line) => !agreed.includes(line));
    const reordered = lost.length + added.length === 0 && agreed.join('\n') !== now.join('\n');
    const change = lost.length + added.length > 0 || reordered ? CHANGED : 'unchanged';
    expect({ change, lost, added, reordered }).toEqual({
      change: 'unchanged',
      lost: [],
      added: [],
      reordered: false,
    });
  });

  test('has one golden file for each kind and no other', () => {
    const names = readdirSync(join(root, 'test/golden/api')).map((file) => `test/golden/api/${file}`);
    expect(names.toSorted()).toEqual(KINDS.map(goldenPath).toSorted());
  });

  test('shows types, bounds, rules and columns in its golden file', () => {
    const [, vm] = KINDS;
    const text = apiSurface(vm!);
    for (const line of [
      'column CPUs integer .status.cpus wide',
      '.spec.providerRef object required',
      '.spec.vmid integer format=int32 minimum=100 maximum=999999999',
      '.spec.networks list(map by name) maxItems=32',
      '.status object default={"observedGeneration":-1}',
    ])
      expect(text).toContain(`\n${line}\n`);
    expect(text).toMatch(/\n {2}rule: .*oldSelf\.status\.vmid.* at \.spec\.imageRef\n/);
  });
});
