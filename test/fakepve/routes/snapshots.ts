import { failure } from '../errors.ts';
import { checkLock } from '../call.ts';
import { showConfig } from '../pending.ts';
import { rollBack } from '../rollback.ts';
import { deleteSnapshot } from '../snapshot-deletion.ts';
import { snapshotOf, snapshotRows, takeSnapshot } from '../snapshots.ts';
import type { Call, Routes } from '../call.ts';

const SNAPSHOT = '/nodes/{node}/qemu/{vmid}/snapshot';
const isReserved = (name: string): boolean => name === 'current' || name.toLowerCase() === 'pending';

function create(call: Call): string {
  const { world, guest } = call;
  const name = call.text('snapname');
  if (isReserved(name)) throw failure(`unable to use snapshot name '${name.toLowerCase()}' (reserved name)`);
  const request = { name, description: call.get('description'), memory: call.flag('vmstate') ?? false };
  return call.startLocked('qmsnapshot', call.vmid, (run) => takeSnapshot(world, guest, request, run));
}

function rollback(call: Call): string {
  const { world, node, vmid } = call;
  if (call.flag('start') === true) call.need(`/vms/${vmid}`, 'VM.PowerMgmt');
  const request = { name: call.text('snapname'), startAfter: call.flag('start') ?? false };
  return call.startLocked('qmrollback', vmid, async (run) =>
    rollBack(world, world.guest(node, vmid), request, run),
  );
}

function remove(call: Call): string {
  const { world, node, vmid } = call;
  const request = { name: call.text('snapname'), force: call.flag('force') ?? false };
  return call.startLocked('qmdelsnapshot', vmid, async (run) =>
    deleteSnapshot(world, world.guest(node, vmid), request, run),
  );
}

function describe(call: Call): null {
  const { world, guest } = call;
  const description = call.get('description');
  if (description === undefined) return null;
  checkLock(guest);
  const { config } = snapshotOf(guest, call.text('snapname'));
  world.requireWritable(guest);
  config.set('description', description);
  guest.written();
  return null;
}

export const snapshotRoutes: Routes = {
  [`GET ${SNAPSHOT}`]: (call) => snapshotRows(call.guest),
  [`POST ${SNAPSHOT}`]: create,
  [`GET ${SNAPSHOT}/{snapname}`]: () => [{ cmd: 'rollback' }, { cmd: 'config' }],
  [`DELETE ${SNAPSHOT}/{snapname}`]: remove,
  [`GET ${SNAPSHOT}/{snapname}/config`]: (call) =>
    showConfig(snapshotOf(call.guest, call.text('snapname')).config),
  [`PUT ${SNAPSHOT}/{snapname}/config`]: describe,
  [`POST ${SNAPSHOT}/{snapname}/rollback`]: rollback,
};
