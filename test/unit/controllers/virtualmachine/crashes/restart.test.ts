/** With any fault on the way, one request restarts the guest once, and so do changes that wait. */
import { test } from '@jest/globals';
import { aClass } from '../../../../builders/objects.ts';
import { Life } from '../../../../builders/life.ts';
import { Saboteur, type Fault } from '../../../../builders/saboteur.ts';
import { manyFaults, oneFaultEach } from './everywhere.ts';

const REQUEST = '2026-03-01T12:00:00Z';

type Cause = 'request' | 'changes';

/** A VM that runs; each story goes on from there. */
async function running(cause: Cause): Promise<Life> {
  const life = new Life({
    vm: { spec: { rebootPolicy: cause === 'changes' ? 'IfRequired' : 'Never' } },
    vmClass: () => aClass({ cpus: 2, maxCpus: 4 }),
  });
  await life.untilAtRest();
  return life;
}

/** Something asks for a restart of a VM that runs, and the calls from then on meet the faults. */
const restart = (cause: Cause, from: Life) => async (faults: ReadonlyMap<number, Fault>) => {
  let armedAt = Infinity;
  let cpus = 2;
  const calls: string[] = [];
  const saboteur = new Saboteur((call, what) => {
    if (call > armedAt) calls.push(what);
    return faults.get(call - armedAt);
  });
  const life = new Life({
    from,
    vmClass: () => aClass({ cpus, maxCpus: 4 }),
    between: saboteur.between,
    isDead: saboteur.isDead,
  });
  await life.untilAtRest();
  armedAt = saboteur.called.length;
  const before = life.pve.stops;
  if (cause === 'request') life.store.annotate({ 'virtrigaud.io/restartedAt': REQUEST });
  else cpus = 6;
  await life.until(() => isDone(life, cause));
  await life.untilReady();
  const onTheWay = [...calls];
  armedAt = Infinity;
  // Requests that are still on their way arrive, without further effect.
  life.now += 60_000;
  for (let passes = 0; passes < 6; passes += 1) await life.pass();
  const { internal: { restart: note } = {}, powerState } = life.status;
  return { calls: onTheWay, seen: { stops: life.pve.stops - before, note, powerState } };
};

const ONCE = { stops: 1, note: undefined, powerState: 'On' };

function isDone({ status, pve }: Life, cause: Cause): boolean {
  const guest = pve.guests.get(status.vmid ?? 0);
  if (guest?.running !== true) return false;
  return cause === 'request' ? status.internal?.restartedAt === REQUEST : guest.inForce['vcpus'] === '6';
}

test.each(['request', 'changes'] as const)(
  'one restart for one cause (%s), if any one call fails',
  async (cause) => {
    await oneFaultEach(restart(cause, await running(cause)), ONCE);
  },
  240_000,
);

test(
  'one restart for one request, if any calls fail, any number of times',
  async () => manyFaults(restart('request', await running('request')), ONCE),
  240_000,
);
