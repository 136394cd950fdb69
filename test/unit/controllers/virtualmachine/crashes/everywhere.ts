/** A story is run repeatedly, with faults at one call or at many: it ends as it does without faults. */
import { expect } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { type Fault, FAULTS, isDistinct } from '../../../../builders/saboteur.ts';

/** @param faults by the number of the call that each meets, from 1 */
export type Story = (
  faults: ReadonlyMap<number, Fault>,
) => Promise<{ readonly calls: readonly string[]; readonly seen: unknown }>;

/** @returns the calls of the story without faults */
export async function oneFaultEach(live: Story, end: unknown): Promise<readonly string[]> {
  const { calls, seen } = await live(new Map());
  expect(seen).toEqual(end);
  for (const [index, what] of calls.entries()) {
    // An answer to a question may only be lost with the process.
    for (const fault of what.startsWith('GET') ? FAULTS.slice(0, 1) : FAULTS) {
      if (!isDistinct(fault, what)) continue;
      const { seen: then } = await live(new Map([[index + 1, fault]]));
      expect({ what, fault, then }).toEqual({ what, fault, then: end });
    }
  }
  return calls;
}

export const manyFaults = (live: Story, end: unknown): Promise<void> =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.constantFrom(...FAULTS)), { maxLength: 6 }),
      async (gaps) => {
        let call = 0;
        const faults = new Map(gaps.map(([gap, fault]) => [(call += gap), fault] as const));
        expect((await live(faults)).seen).toEqual(end);
      },
    ),
    { numRuns: 20 },
  );
