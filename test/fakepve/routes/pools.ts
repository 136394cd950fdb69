import { causeOf, failure } from '../errors.ts';
import { resourceRow } from '../guest-view.ts';
import { splitList } from '../schema/formats.ts';
import type { Call, Routes } from '../call.ts';
import type { Pool } from '../world.ts';

const parentOf = (id: string): string | undefined =>
  id.includes('/') ? id.slice(0, id.lastIndexOf('/')) : undefined;

function requireUserFile({ world }: Call, prefix: string): void {
  try {
    world.requireSharedFile('user_cfg');
  } catch (error) {
    throw failure(`${prefix}${causeOf(error)}`);
  }
}

function create(call: Call): null {
  const { pools } = call.world;
  const id = call.text('poolid');
  const parent = parentOf(id);
  if (pools.has(id)) throw failure(`create pool failed: pool '${id}' already exists`);
  if (parent !== undefined && !pools.has(parent))
    throw failure(`create pool failed: parent '${parent}' of pool '${id}' does not exist`);
  requireUserFile(call, 'create pool failed: ');
  pools.set(id, { id, comment: call.get('comment'), vms: new Set(), storages: new Set() });
  return null;
}

const comment = (pool: Pool): object => (pool.comment === undefined ? {} : { comment: pool.comment });

function members(call: Call, pool: Pool): readonly object[] {
  const { world } = call;
  const guests = [...pool.vms].flatMap((vmid) => {
    const guest = world.guests.get(vmid);
    return guest && call.may(`/vms/${vmid}`, 'VM.Audit') ? [resourceRow(world, guest)] : [];
  });
  const storages = [...pool.storages]
    .filter((id) => call.may(`/storage/${id}`, 'Datastore.Audit'))
    .flatMap((id) => {
      const storage = world.storage.storages.get(id);
      const node = world.localNode.name;
      if (!storage) return [];
      const figures = { disk: world.storage.used(storage, node), maxdisk: storage.size };
      const shown = {
        plugintype: storage.type,
        content: storage.content.join(','),
        shared: storage.shared ? 1 : 0,
      };
      return [
        {
          id: `storage/${node}/${id}`,
          type: 'storage',
          storage: id,
          node,
          status: 'available',
          ...shown,
          ...figures,
        },
      ];
    });
  return [...guests, ...storages];
}

function poolOf(call: Call, prefix = ''): Pool {
  const pool = call.world.pools.get(call.text('poolid'));
  if (!pool) throw failure(`${prefix}pool '${call.text('poolid')}' does not exist`);
  return pool;
}

const mayAudit = (call: Call, id: string): boolean => call.may(`/pool/${id}`, 'Pool.Audit');

function list(call: Call): readonly object[] {
  if (call.get('poolid') === undefined)
    return [...call.world.pools.values()]
      .filter((pool) => mayAudit(call, pool.id))
      .map((pool) => ({ poolid: pool.id, ...comment(pool) }));
  call.need(`/pool/${call.text('poolid')}`, 'Pool.Audit');
  const pool = poolOf(call);
  return [{ poolid: pool.id, ...comment(pool), members: members(call, pool) }];
}

function read(call: Call): object {
  const pool = poolOf(call);
  return { poolid: pool.id, ...comment(pool), members: members(call, pool) };
}

function removeMembers(pool: Pool, vms: readonly number[], storages: readonly string[]): void {
  for (const vmid of vms)
    if (!pool.vms.delete(vmid)) throw failure(`update pools failed: VM ${vmid} is not a pool member`);
  for (const id of storages)
    if (!pool.storages.delete(id)) throw failure(`update pools failed: Storage '${id}' is not a pool member`);
}

function putGuest(call: Call, pool: Pool, vmid: number): void {
  const { world } = call;
  if (pool.vms.has(vmid)) throw failure(`update pools failed: VM ${vmid} is already a pool member`);
  const other = world.poolOf(vmid);
  if (other !== undefined && call.flag('allow-move') !== true)
    throw failure(
      `update pools failed: VM ${vmid} belongs already to pool '${other}' and 'allow-move' is not set`,
    );
  if (other !== undefined) world.pools.get(other)?.vms.delete(vmid);
  pool.vms.add(vmid);
}

function update(call: Call): null {
  const pool = poolOf(call, 'update pools failed: ');
  const vms = splitList(call.get('vms') ?? '').map(Number);
  const storages = splitList(call.get('storage') ?? '');
  requireUserFile(call, 'update pools failed: ');
  pool.comment = call.get('comment') ?? pool.comment;
  if (call.flag('delete') === true) {
    removeMembers(pool, vms, storages);
    return null;
  }
  for (const vmid of vms) call.need(`/vms/${vmid}`, 'VM.Allocate');
  for (const vmid of vms) putGuest(call, pool, vmid);
  for (const id of storages) {
    call.need(`/storage/${id}`, 'Datastore.Allocate');
    if (pool.storages.has(id)) throw failure(`update pools failed: Storage '${id}' is already a pool member`);
    pool.storages.add(id);
  }
  return null;
}

function remove(call: Call): null {
  const { world } = call;
  const pool = poolOf(call, 'delete pool failed: ');
  const refuse = (what: string): never => {
    throw failure(`delete pool failed: pool '${pool.id}' is not empty (contains ${what})`);
  };
  const child = [...world.pools.keys()].sort().find((id) => parentOf(id) === pool.id);
  if (child !== undefined) refuse(`pool '${child}'`);
  const vmid = [...pool.vms].find((id) => world.guests.has(id));
  if (vmid !== undefined) refuse(`VM ${vmid}`);
  const [storage] = pool.storages;
  if (storage !== undefined) refuse(`storage '${storage}'`);
  requireUserFile(call, 'delete pool failed: ');
  world.pools.delete(pool.id);
  world.access.forget((acl) => acl.path === `/pool/${pool.id}`);
  return null;
}

export const poolRoutes: Routes = {
  'GET /pools': list,
  'POST /pools': create,
  'PUT /pools': update,
  'DELETE /pools': remove,
  'GET /pools/{poolid}': read,
  'PUT /pools/{poolid}': update,
  'DELETE /pools/{poolid}': remove,
};
