import { describe, expect, test } from '@jest/globals';
import { ImageLife } from '../../../../builders/image-life.ts';
import { atCalls, FAULTS, isDistinct, Saboteur, type Fault } from '../../../../builders/saboteur.ts';
import fc from '../../../../builders/fast-check.ts';

const files = (life: ImageLife): readonly string[] => [...life.pve.volumes];

/** From nothing to a template and back to nothing. */
async function live(
  faults: Iterable<readonly [number, Fault]>,
  { deletedAfter, failures = [] }: { readonly deletedAfter?: number; readonly failures?: readonly string[] } = {},
): Promise<readonly string[]> {
  const saboteur = new Saboteur(atCalls(faults));
  const life = new ImageLife({ between: saboteur.between, isDead: saboteur.isDead });
  life.pve.volumes.add('local:import/of-somebody-else.qcow2');
  for (const type of failures) life.pve.failures.push({ type, exit: 'no space' });
  if (deletedAfter === undefined) {
    await life.untilReady();
    life.pve.settle();
    expect(life.made.map(({ config }) => config['template'])).toEqual(['1']);
    expect(life.status.templates).toMatchObject([{ vmid: life.made[0]?.vmid, state: 'Ready' }]);
    await life.until(() => life.status.downloads === undefined);
    expect(files(life)).toEqual(['local:import/of-somebody-else.qcow2']);
  } else for (let pass = 0; pass < deletedAfter; pass += 1) await life.pass();
  await life.delete();
  life.afterwards();
  expect(life.made).toEqual([]);
  expect([...life.pve.guests.keys()]).toEqual([9000]);
  expect(files(life)).toEqual(['local:import/of-somebody-else.qcow2']);
  return saboteur.called;
}

describe('from nothing to one template and back to nothing', () => {
  test('with one download', async () => {
    const life = new ImageLife();
    await life.untilReady();
    expect(life.pve.downloads).toBe(1);
    expect(life.made).toHaveLength(1);
    expect(life.made[0]?.config).toMatchObject({ agent: '1', serial0: 'socket', vga: 'serial0', ostype: 'l26' });
  });

  test.each(FAULTS)(
    'if any call %s',
    async (fault) => {
      const calls = await live([]);
      expect(calls).toContain('POST /nodes/{node}/storage/{storage}/download-url');
      expect(calls).toContain('POST /nodes/{node}/qemu/{vmid}/template');
      expect(calls).toContain('DELETE /nodes/{node}/qemu/{vmid}');
      for (const [index, what] of calls.entries()) {
        if (!isDistinct(fault, what)) continue;
        try {
          await live([[index + 1, fault]]);
        } catch (error) {
          throw new Error(`Call ${index + 1} of ${calls.length} (${what}) ${fault}.`, { cause: error });
        }
      }
    },
    60_000,
  );

  test('if any calls fail, any number of times, tasks fail too, and it is deleted at any time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.constantFrom(...FAULTS)), { maxLength: 6 }),
        fc.option(fc.nat(25), { nil: undefined }),
        fc.array(fc.constantFrom('download', 'qmcreate', 'qmtemplate', 'qmdestroy'), { maxLength: 4 }),
        async (gaps, deletedAfter, failures) => {
          let call = 0;
          const faults = gaps.map(([gap, fault]) => [(call += gap), fault] as const);
          await live(faults, { ...(deletedAfter !== undefined && { deletedAfter }), failures });
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);
});
