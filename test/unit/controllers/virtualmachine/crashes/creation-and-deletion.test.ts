import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { nodeName } from '../../../../../src/lib/units.ts';
import { Life } from '../../../../builders/life.ts';
import { UID, type VirtualMachineChange } from '../../../../builders/objects.ts';
import { atCalls, FAULTS, isDistinct, Saboteur, type Fault } from '../../../../builders/saboteur.ts';

const WITH_IMAGE: VirtualMachineChange = {
  spec: { userData: { cloudInit: { inline: '#cloud-config\npackages: [nginx]\n' } } },
};
const PLAIN: VirtualMachineChange = {};
/** The template is on local storage of the other node. */
const ELSEWHERE: VirtualMachineChange = { spec: { placement: { host: nodeName('pve-2') } } };

/** VIRTRIGAUD_FAULT_RUNS=5000 for a long run; one that fails says its seed. */
const RUNS = Number(process.env['VIRTRIGAUD_FAULT_RUNS'] ?? 100);

interface Story {
  readonly vm: VirtualMachineChange;
  readonly faults: Iterable<readonly [number, Fault]>;
  /** Passes until the object is deleted; absent: once it is ready. */
  readonly deletedAfter?: number | undefined;
  /** Someone takes the number that was reserved first. */
  readonly conflict?: boolean;
  /** How many clones fail before one succeeds: the number is claimed for long by then. */
  readonly failedClones?: number;
  readonly lagging?: () => boolean;
}

/**
 * A whole life, from nothing to nothing.
 * @returns its calls
 */
async function live({
  vm,
  faults,
  deletedAfter,
  conflict = false,
  failedClones = 0,
  lagging,
}: Story): Promise<readonly string[]> {
  const saboteur = new Saboteur(atCalls(faults));
  const life = new Life({
    vm,
    between: saboteur.between,
    isDead: saboteur.isDead,
    ...(lagging && { lagging }),
  });
  for (let n = 0; n < failedClones; n += 1) life.pve.failures.push({ type: 'qmclone', exit: 'no space' });
  if (conflict) {
    await life.until(() => life.status.vmid !== undefined);
    const number = life.status.vmid!;
    if (!life.pve.guests.has(number)) life.pve.add(number, { name: 'conflict' });
  }
  const conflicts = [...life.pve.guests.values()].filter(({ config }) => config['name'] === 'conflict');

  if (deletedAfter === undefined) {
    await life.untilReady();
    expectOneGuest(life, conflicts.length);
  } else {
    for (let pass = 0; pass < deletedAfter; pass += 1) await life.pass();
  }

  await life.delete();
  life.now += 120_000; // requests that are still on their way arrive
  life.pve.settle();
  life.now += 120_000;
  life.pve.settle();
  expect([...life.pve.guests.keys()].toSorted()).toEqual(
    [...conflicts.map(({ vmid }) => vmid), 9000].toSorted(),
  );
  expect(conflicts.every(({ digest, running }) => digest === 1 && !running)).toBe(true);
  expect([...life.pve.volumes]).toEqual([]);
  return saboteur.called;
}

function expectOneGuest({ pve, status }: Life, conflicts: number): void {
  const [guest] = pve.guestsOf(UID);
  expect(pve.guests.size).toBe(2 + conflicts);
  expect(guest?.vmid).toBe(status.vmid);
  expect(guest?.running).toBe(true);
  expect(guest?.node).toBe(status.placement?.node);
  expect([...pve.volumes]).toEqual(
    status.internal?.cloudInit?.volume === undefined ? [] : [status.internal.cloudInit.volume],
  );
}

describe('from nothing to one guest and back to nothing', () => {
  test.each(
    FAULTS.flatMap((fault) => [
      // The creation with an image includes every step of the one without.
      { vm: WITH_IMAGE, where: '', fault },
      { vm: ELSEWHERE, where: ' on another node than its template', fault },
    ]),
  )(
    'if any call $fault$where',
    async ({ vm, fault }) => {
      const calls = await live({ vm, faults: [] });
      for (const [index, what] of calls.entries()) {
        if (!isDistinct(fault, what)) continue;
        try {
          await live({ vm, faults: [[index + 1, fault]] });
        } catch (error) {
          throw new Error(`Call ${index + 1} of ${calls.length} (${what}) ${fault}.`, { cause: error });
        }
      }
    },
    60_000,
  );

  test('although the clone arrives late, its number was claimed long ago and no process remembers the request', async () => {
    const failedClones = 4;
    let clones = 0;
    const saboteur = new Saboteur((_call, what) => {
      if (clones > failedClones) return clones++ === failedClones + 1 ? 'dies before' : undefined;
      if (what.endsWith('/clone')) clones += 1;
      return clones > failedClones ? 'arrives late' : undefined;
    });
    const life = new Life({ between: saboteur.between, isDead: saboteur.isDead });
    for (let n = 0; n < failedClones; n += 1) life.pve.failures.push({ type: 'qmclone', exit: 'no space' });
    await life.until(() => clones > failedClones + 1);
    expect(life.now - Date.parse(life.status.internal!.claimedAt!)).toBeGreaterThan(60_000);
    await life.delete();
    life.now += 120_000;
    life.pve.settle();
    expect([...life.pve.guests.keys()]).toEqual([9000]);
  });

  test(
    'if any calls fail, any number of times, and it is deleted at any time',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.integer({ min: 1, max: 25 }), fc.constantFrom(...FAULTS)), { maxLength: 8 }),
          fc.option(fc.nat(40), { nil: undefined }),
          fc.constantFrom(PLAIN, WITH_IMAGE, ELSEWHERE),
          fc.boolean(),
          fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(5) }),
          fc.infiniteStream(fc.boolean()),
          async (gaps, deletedAfter, vm, conflict, failedClones, lags) => {
            let call = 0;
            const faults = gaps.map(([gap, fault]) => [(call += gap), fault] as const);
            await live({
              vm,
              faults,
              deletedAfter,
              conflict,
              failedClones,
              lagging: () => lags.next().value === true,
            });
          },
        ),
        { numRuns: RUNS },
      );
    },
    60_000 + RUNS * 300,
  );
});
