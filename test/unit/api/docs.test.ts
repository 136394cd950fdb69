import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { docFiles } from '../../../hack/generate/docs.ts';
import { KINDS } from '../../../src/api/index.ts';
import { objectsIn } from '../../fixtures/manifests.ts';

const dir = join(import.meta.dirname, '../../../docs/kinds');

const examples = readdirSync(dir).flatMap((page) =>
  [...readFileSync(join(dir, page), 'utf8').matchAll(/```yaml\n(.*?)```/gs)].flatMap(([, yaml = '']) =>
    objectsIn(yaml).map((object) => ({ page, object })),
  ),
);

describe('the pages about the kinds', () => {
  test.each(examples)('$page shows a manifest that is accepted', ({ object }) => {
    const { spec } = KINDS.find(({ kind }) => kind === object.kind)!;
    expect(spec.safeParse(object.spec)).toMatchObject({ success: true });
  });

  test('keep what is written by hand when they are generated', () => {
    expect(() => docFiles(() => 'By hand, without a place for the tables.')).toThrow('lost its markers');
    const first = docFiles(() => undefined).get('docs/kinds/vmclass.md')!;
    const edited = `By hand.\n\n${first}\nBy hand, too.\n`;
    expect(docFiles(() => edited).get('docs/kinds/vmclass.md')).toBe(edited);
  });

  test('have a row for each field, with its bounds and its rules', () => {
    const page = docFiles(() => undefined).get('docs/kinds/virtualmachine.md')!;
    expect(page).toContain('| `networks[].vlan` | integer |  | VLAN tag. From 1 to 4094. |');
    expect(page).toContain('| `disks[].size` | integer or string |  | Size,');
    expect(page).toContain('Must be a unicast MAC address');
  });
});
