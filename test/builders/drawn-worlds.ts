/**
 * Worlds that many properties of the planner are tried in. They are drawn once for a test file, because following the
 * planner from a world to its rest takes most of the time of a property.
 *
 * By default the same worlds are drawn in each run, so that a run repeats the last one. Others are drawn, and as many
 * as it says, with VIRTRIGAUD_WORLDS:
 *
 *     VIRTRIGAUD_WORLDS=3000 make unit ARGS='test/unit/controllers/virtualmachine/plan/properties.test.ts'
 *
 * A failure prints their seed. With VIRTRIGAUD_SEED, and as many worlds, they are drawn again.
 */
import { expect } from '@jest/globals';
import fc, { type Arbitrary } from './fast-check.ts';
import type { World } from './planner-world.ts';

/** Absent: the usual number, the same each time. */
export const WORLDS_ON_DEMAND = process.env['VIRTRIGAUD_WORLDS'];

const SEED = Number(
  process.env['VIRTRIGAUD_SEED'] ?? (WORLDS_ON_DEMAND === undefined ? 20_260 : Date.now() % 2 ** 31),
);

export interface Drawn {
  readonly arbitrary: Arbitrary<World>;
  readonly count: number;
  /** Drawn when they are first asked for. */
  readonly worlds: () => readonly World[];
}

export function drawn(arbitrary: Arbitrary<World>, usual: number): Drawn {
  const count = Number(WORLDS_ON_DEMAND ?? usual);
  let known: readonly World[] | undefined;
  return {
    arbitrary,
    count,
    worlds: () => (known ??= fc.sample(arbitrary, { seed: SEED, numRuns: count })),
  };
}

/**
 * Asserts that a property holds in each of the worlds, or in those of a kind. Where it does not, the world is found once
 * more by fast-check, which makes it as small as it can be and prints it.
 */
export function expectIn(
  { arbitrary, count, worlds }: Drawn,
  holds: (world: World) => void,
  isOfKind: (world: World) => boolean = () => true,
): void {
  const chosen = worlds().filter(isOfKind);
  expect(chosen.length).toBeGreaterThan(count / 20);
  for (const world of chosen)
    try {
      holds(world);
    } catch (error) {
      const property = fc.property(arbitrary, (each) => {
        if (isOfKind(each)) holds(each);
      });
      fc.assert(property, { seed: SEED, numRuns: count });
      throw error; // it holds in a world that is equal: it depends on something else
    }
}
