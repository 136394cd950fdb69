/** With any fault on the way, a revert leaves the restored state and the mark, and nothing of the spec is applied to it. */
import { test } from '@jest/globals';
import { bytes, GiB } from '../../../../../src/lib/units.ts';
import { Life } from '../../../../builders/life.ts';
import { UID } from '../../../../builders/objects.ts';
import { Reverting } from '../../../../builders/reverting.ts';
import { Saboteur, type Fault } from '../../../../builders/saboteur.ts';
import { manyFaults, oneFaultEach } from './everywhere.ts';

const ROOT = { name: 'root', size: bytes(10 * GiB) };

/** A VM as the snapshot has it; each story goes on from there. */
async function running(): Promise<Life> {
  const life = new Life({ vm: { spec: { disks: [ROOT] } } });
  await life.untilAtRest();
  return life;
}

/** A disk and a tag were added after the snapshot; from the announcement on the calls meet the faults. */
const revert =
  (begun: 'settled' | 'restarting', from: Life) => async (faults: ReadonlyMap<number, Fault>) => {
    let armedAt = Infinity;
    const snapshots: Reverting[] = [];
    const calls: string[] = [];
    const saboteur = new Saboteur((call, what) => {
      if (call > armedAt) calls.push(what);
      return faults.get(call - armedAt);
    });
    const life = new Life({
      from,
      snapshots: () => snapshots.flatMap((each) => each.snapshots),
      between: saboteur.between,
      isDead: saboteur.isDead,
    });
    await life.untilAtRest();
    const reverting = new Reverting(life);
    reverting.keeps = false;
    life.store.editSpec({ disks: [ROOT, { name: 'data', size: bytes(2 * GiB) }], tags: ['new'] });
    await life.untilReady();
    snapshots.push(reverting);
    armedAt = saboteur.called.length;
    const guest = reverting.guest(life);
    if (guest.config['scsi1'] === undefined) throw new Error('the VM has no second disk');
    if (begun === 'restarting') {
      life.store.annotate({ 'virtrigaud.io/restartedAt': '2026-03-01T12:00:00Z' });
      await life.pass();
    }
    reverting.announce();
    await life.until(() => {
      reverting.step(life);
      return life.status.internal?.revert?.state === 'Restored' && guest.running;
    });
    await life.untilReady();
    const onTheWay = [...calls];
    armedAt = Infinity;
    // Requests that are still on their way arrive, without further effect.
    life.now += 60_000;
    for (let passes = 0; passes < 6; passes += 1) await life.pass();
    const synced = life.status.conditions?.find(({ type }) => type === 'Synced');
    return {
      calls: onTheWay,
      seen: {
        rollbacks: reverting.rollbacks,
        disturbed: reverting.disturbed,
        ours: life.pve.guestsOf(UID).length,
        data: [guest.config['scsi1'], guest.config['unused0']],
        tags: guest.config['tags'],
        running: guest.running,
        synced: synced?.reason,
      },
    };
  };

const END = {
  rollbacks: 1,
  disturbed: false,
  ours: 1,
  data: [undefined, 'local-lvm:vm-100-disk-1'],
  tags: undefined,
  running: true,
  synced: 'SnapshotReverted',
};

test('of a settled VM, if any one call fails', async () => {
  await oneFaultEach(revert('settled', await running()), END);
}, 240_000);

test('of a VM that is being restarted, if many calls fail', async () => {
  await manyFaults(revert('restarting', await running()), END);
}, 240_000);
