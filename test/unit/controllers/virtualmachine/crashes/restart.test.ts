/** Whatever happens on the way, one request restarts the guest once, and so do changes that wait. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { aClass } from '../../../../builders/objects.ts';
import { Life } from '../../../../builders/life.ts';
import { Saboteur, type Fault } from '../../../../builders/saboteur.ts';

const FAULTS: readonly Fault[] = ['dies before', 'dies after', 'is lost', 'loses the answer', 'arrives late'];
const REQUEST = '2026-03-01T12:00:00Z';

/** A VM runs; then something asks for a restart, and the calls from then on meet the faults. */
async function restart(
  cause: 'request' | 'changes',
  faults: ReadonlyMap<number, Fault>,
): Promise<{ readonly calls: readonly string[]; readonly stops: number; readonly life: Life }> {
  let armedAt = Infinity;
  let cpus = 2;
  const calls: string[] = [];
  const saboteur = new Saboteur((call, what) => {
    if (call > armedAt) calls.push(what);
    return faults.get(call - armedAt);
  });
  const life = new Life({
    vm: { spec: { rebootPolicy: cause === 'changes' ? 'IfRequired' : 'Never' } },
    vmClass: () => aClass({ cpus, maxCpus: 4 }),
    between: saboteur.between,
    isDead: saboteur.isDead,
  });
  await life.untilReady();
  await life.pass();
  armedAt = saboteur.calls;
  const before = life.pve.stops;
  if (cause === 'request') life.store.annotate({ 'virtrigaud.io/restartedAt': REQUEST });
  else cpus = 6;
  await life.until(() => isDone(life, cause));
  await life.untilReady();
  const onTheWay = [...calls];
  armedAt = Infinity;
  // Whatever was still on its way arrives, and nothing more comes of it.
  life.now += 60_000;
  for (let passes = 0; passes < 6; passes += 1) await life.pass();
  return { calls: onTheWay, stops: life.pve.stops - before, life };
}

function isDone({ status, pve }: Life, cause: 'request' | 'changes'): boolean {
  const guest = pve.guests.get(status.vmid ?? 0);
  if (guest?.running !== true) return false;
  return cause === 'request' ? status.restartedAt === REQUEST : guest.inForce['vcpus'] === '6';
}

test.each(['request', 'changes'] as const)(
  'one restart for one cause (%s), whichever call goes wrong',
  async (cause) => {
    const { calls } = await restart(cause, new Map());
    for (const [index, what] of calls.entries()) {
      // An answer to a question may only be lost with the process.
      for (const fault of what.startsWith('GET') ? FAULTS.slice(0, 1) : FAULTS) {
        const { stops, life } = await restart(cause, new Map([[index + 1, fault]]));
        expect({ what, fault, stops }).toEqual({ what, fault, stops: 1 });
        expect(life.status.restart).toBeUndefined();
        expect(life.status.powerState).toBe('On');
      }
    }
  },
  240_000,
);

test('one restart for one request, whatever goes wrong and however often', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.constantFrom(...FAULTS)), { maxLength: 6 }),
      async (gaps) => {
        let call = 0;
        const faults = new Map(gaps.map(([gap, fault]) => [(call += gap), fault] as const));
        expect((await restart('request', faults)).stops).toBe(1);
      },
    ),
    { numRuns: 20 },
  );
}, 240_000);
