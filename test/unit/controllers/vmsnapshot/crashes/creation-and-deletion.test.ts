import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { atCalls, FAULTS, isDistinct, Saboteur, type Fault } from '../../../../builders/saboteur.ts';
import { SnapshotLife } from '../../../../builders/snapshot-life.ts';

/** VIRTRIGAUD_FAULT_RUNS=5000 for a long run; one that fails says its seed. */
const RUNS = Number(process.env['VIRTRIGAUD_FAULT_RUNS'] ?? 40);

interface Story {
  readonly faults: Iterable<readonly [number, Fault]>;
  /** Passes until the object is deleted; absent: once it is ready. */
  readonly deletedAfter?: number | undefined;
  /** How many tasks fail before one succeeds. */
  readonly failures?: number;
}

/** From nothing to one snapshot and back to nothing. */
async function live({ faults, deletedAfter, failures = 0 }: Story): Promise<readonly string[]> {
  const saboteur = new Saboteur(atCalls(faults));
  const life = new SnapshotLife({ between: saboteur.between, isDead: saboteur.isDead });
  const foreign = { description: 'of somebody else', memory: false, takenAt: 0, parent: undefined };
  life.guest.snapshots.set('foreign', foreign);
  for (let n = 0; n < failures; n += 1)
    life.pve.failures.push({ type: n % 2 === 0 ? 'qmsnapshot' : 'qmdelsnapshot', exit: 'no space' });

  if (deletedAfter === undefined) {
    await life.untilReady();
    life.pve.settle();
    expect([...life.guest.snapshots.keys()]).toEqual(['foreign', 'before-upgrade']);
    expect(life.status).toMatchObject({ snapshotName: 'before-upgrade', readyToUse: true });
  } else {
    for (let pass = 0; pass < deletedAfter; pass += 1) await life.pass();
  }
  await life.delete();
  life.afterwards();
  expect([...life.guest.snapshots.keys()]).toEqual(['foreign']);
  return saboteur.called;
}

describe('from nothing to one snapshot and back to nothing', () => {
  test.each(FAULTS)(
    'if any call %s',
    async (fault) => {
      const calls = await live({ faults: [] });
      expect(calls).toContain('POST /nodes/{node}/qemu/{vmid}/snapshot');
      expect(calls).toContain('DELETE /nodes/{node}/qemu/{vmid}/snapshot/{snapname}');
      for (const [index, what] of calls.entries()) {
        if (!isDistinct(fault, what)) continue;
        try {
          await live({ faults: [[index + 1, fault]] });
        } catch (error) {
          throw new Error(`Call ${index + 1} of ${calls.length} (${what}) ${fault}.`, { cause: error });
        }
      }
    },
    60_000,
  );

  test(
    'if any calls fail, any number of times, and it is deleted at any time',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.constantFrom(...FAULTS)), { maxLength: 8 }),
          fc.option(fc.nat(20), { nil: undefined }),
          fc.nat(4),
          async (gaps, deletedAfter, failures) => {
            let call = 0;
            const faults = gaps.map(([gap, fault]) => [(call += gap), fault] as const);
            await live({ faults, deletedAfter, failures });
          },
        ),
        { numRuns: RUNS },
      );
    },
    60_000 + RUNS * 300,
  );
});
