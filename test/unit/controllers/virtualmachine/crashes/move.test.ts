/** With any fault on the way, a VM whose spec names another node arrives there, once, and never stops running. */
import { expect, test } from '@jest/globals';
import { nodeName } from '../../../../../src/lib/units.ts';
import { Life } from '../../../../builders/life.ts';
import { UID } from '../../../../builders/objects.ts';
import { Saboteur, type Fault } from '../../../../builders/saboteur.ts';
import { manyFaults, oneFaultEach } from './everywhere.ts';

/** A VM that runs on the first node; each story goes on from there. */
async function running(): Promise<Life> {
  const life = new Life({ vm: { spec: { placement: { host: nodeName('pve-1') } } } });
  await life.untilAtRest();
  return life;
}

/** The spec of a VM that runs on the first node names the second, and the calls from then on meet the faults. */
const move = (from: Life) => async (faults: ReadonlyMap<number, Fault>) => {
  let armedAt = Infinity;
  const calls: string[] = [];
  const saboteur = new Saboteur((call, what) => {
    if (call > armedAt) calls.push(what);
    return faults.get(call - armedAt);
  });
  const life = new Life({ from, between: saboteur.between, isDead: saboteur.isDead });
  await life.untilAtRest();
  armedAt = saboteur.called.length;
  life.store.editSpec({ placement: { host: nodeName('pve-2') } });
  await life.until(() => life.status.internal?.host === 'pve-2');
  await life.untilReady();
  const onTheWay = [...calls];
  armedAt = Infinity;
  // Requests that are still on their way arrive, without further effect.
  life.now += 60_000;
  for (let passes = 0; passes < 6; passes += 1) await life.pass();
  const { pve, status } = life;
  const guests = pve.guestsOf(UID).map(({ node, running }) => ({ node, running }));
  return { calls: onTheWay, seen: { guests, stops: pve.stops, node: status.node, power: status.powerState } };
};

const THERE = { guests: [{ node: 'pve-2', running: true }], stops: 0, node: 'pve-2', power: 'On' };

test('if any one call fails', async () => {
  const calls = await oneFaultEach(move(await running()), THERE);
  expect(calls.filter((what) => what.endsWith('/migrate'))).toEqual([
    expect.stringContaining('GET'),
    expect.stringContaining('POST'),
  ]);
}, 240_000);

test('if any calls fail, any number of times', async () => manyFaults(move(await running()), THERE), 240_000);
