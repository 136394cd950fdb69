import { failure, paramError } from '../errors.ts';
import { allocate, imageSize } from '../disks.ts';
import { splitVolid } from '../drives.ts';
import { parseSize, wholeKiB } from '../size.ts';
import { splitList } from '../schema/formats.ts';
import { createHash } from 'node:crypto';
import { freeImage, imageName } from '../rbd.ts';
import { isBase, keepsFiles } from '../storage.ts';
import type { Call, Routes } from '../call.ts';
import type { ParsedName, Storage, Volume } from '../storage.ts';

const STORAGE = '/nodes/{node}/storage/{storage}';
const MIB = 1024 ** 2;

const mayList = (call: Call, id: string): boolean =>
  call.may(`/storage/${id}`, 'Datastore.Audit') || call.may(`/storage/${id}`, 'Datastore.AllocateSpace');

function usage(call: Call, storage: Storage, node: string) {
  const used = call.world.storage.used(storage, node);
  const full = call.world.faults.isFull(storage.id);
  return { total: storage.size, used: full ? storage.size : used, avail: full ? 0 : storage.size - used };
}

function status(call: Call, storage: Storage) {
  return {
    type: storage.type,
    content: storage.content.join(','),
    active: 1,
    enabled: 1,
    shared: storage.shared ? 1 : 0,
    ...usage(call, storage, call.node),
  };
}

function list(call: Call): readonly object[] {
  const wanted = splitList(call.get('content') ?? '');
  const target = call.get('target');
  return [...call.world.storage.storages.values()]
    .filter((storage) => mayList(call, storage.id) && call.world.storage.isOn(storage, call.node))
    .filter((storage) => call.get('storage') === undefined || storage.id === call.get('storage'))
    .filter((storage) => wanted.length === 0 || wanted.some((content) => storage.content.includes(content)))
    .filter(
      (storage) =>
        target === undefined ||
        target === call.node ||
        (storage.shared && call.world.storage.isOn(storage, target)),
    )
    .map((storage) => {
      const row = status(call, storage);
      return { storage: storage.id, ...row, used_fraction: row.used / row.total };
    });
}

function one(call: Call): object {
  const storage = call.world.storage.storages.get(call.text('storage'));
  if (!storage) throw paramError({ storage: 'No such storage.' });
  const row = status(call, storage);
  return call.world.storage.isOn(storage, call.node) ? row : { ...row, active: 0, enabled: 0 };
}

function definition(storage: Storage): object {
  return {
    storage: storage.id,
    type: storage.type,
    content: storage.content.join(','),
    digest: createHash('sha1').update(storage.id).digest('hex'),
    ...(keepsFiles(storage) ? { path: storage.path } : {}),
    ...(storage.nodes === undefined ? {} : { nodes: storage.nodes.join(',') }),
    ...(storage.shared ? { shared: 1 } : {}),
  };
}

/** Where files are kept, the base of a clone is named as the clone's file refers to it; Ceph names its snapshot. */
function parentOf({ parent, parentSnapshot }: Volume, storage: Storage): string | null {
  if (parent === undefined) return null;
  if (parentSnapshot !== undefined) return `${imageName(parent)}@${parentSnapshot}`;
  return keepsFiles(storage) ? `../${parent}` : parent;
}

const contentRow = (volume: Volume, storage: Storage): object => ({
  volid: volume.volid,
  content: volume.content,
  format: volume.format,
  size: volume.size,
  ctime: volume.ctime,
  ...(volume.content === 'images'
    ? { vmid: volume.vmid, parent: parentOf(volume, storage), used: volume.size }
    : {}),
});

/** Volumes of a guest are listed for callers that may allocate on the storage or configure the guest's disks. */
function maySee(call: Call, volume: Volume): boolean {
  if (call.may(`/storage/${volume.storage}`, 'Datastore.Allocate')) return true;
  if (volume.vmid !== undefined) return call.may(`/vms/${volume.vmid}`, 'VM.Config.Disk');
  return ['iso', 'vztmpl', 'import', 'snippets'].includes(volume.content);
}

function content(call: Call): readonly object[] {
  const { world } = call;
  const storage = world.storage.on(call.text('storage'), call.node);
  const vmid = call.int('vmid');
  return world.storage
    .list(storage, call.node)
    .filter((volume) => call.get('content') === undefined || volume.content === call.get('content'))
    .filter((volume) => vmid === undefined || volume.vmid === vmid)
    .filter((volume) => maySee(call, volume))
    .map((each) => contentRow(each, storage));
}

function allocateVolume(call: Call): string {
  const { world, node } = call;
  const storage = world.storage.on(call.text('storage'), node);
  const filename = call.text('filename');
  const text = call.text('size');
  const size = /^\d+$/.test(text) ? Number(text) * 1024 : (parseSize(text) ?? 0);
  const format = call.get('format') ?? /\.(raw|qcow2|vmdk)$/.exec(filename)?.[1] ?? 'raw';
  const name = keepsFiles(storage) ? `${call.vmid}/${filename}` : filename;
  world.storage.parseName(storage, name);
  if (world.storage.find(`${storage.id}:${name}`, node))
    throw failure(`disk image '${world.storage.path(storage, name)}' already exists`);
  const context = { world, node, vmid: call.vmid, log: () => undefined };
  const made = allocate(context, { storage, size, format, kind: `alloc-${world.random.hex(8)}` });
  world.storage.remove(made.volid, node);
  return world.storage.put({ ...made, name, volid: `${storage.id}:${name}` }, node).volid;
}

interface Located {
  readonly storage: Storage;
  readonly volid: string;
  readonly name: string;
  readonly parsed: ParsedName;
}

/** A volume in a path: with its storage, or only its name. */
function locate(call: Call): Located {
  const { world } = call;
  const given = call.text('volume');
  const parts = splitVolid(given) ?? { storage: call.text('storage'), name: given };
  const storage = world.storage.on(parts.storage, call.node);
  const parsed = world.storage.parseName(storage, parts.name);
  return { storage, volid: `${storage.id}:${parts.name}`, name: parts.name, parsed };
}

function needVolume(call: Call, { storage, parsed }: Located, change: boolean): void {
  const allocate = `/storage/${storage.id}`;
  if (parsed.vmid !== undefined && !change && call.may(`/vms/${parsed.vmid}`, 'VM.Config.Disk')) return;
  if (parsed.vmid !== undefined || change) call.need(allocate, 'Datastore.Allocate');
  else call.needAny(allocate, 'Datastore.Audit', 'Datastore.AllocateSpace');
}

function volume(call: Call): object {
  const located = locate(call);
  needVolume(call, located, false);
  const found = call.world.storage.find(located.volid, call.node);
  if (!found) throw failure(`volume_size_info on '${located.volid}' failed - no format`);
  const path = call.world.storage.path(located.storage, located.name);
  return { path, size: imageSize(found), used: found.size, format: found.format };
}

function deleteVolume(call: Call): string {
  const { world, node } = call;
  const located = locate(call);
  needVolume(call, located, true);
  const { storage, volid, name, parsed } = located;
  const id = parsed.vmid === undefined ? storage.id : `${parsed.vmid}@${storage.id}`;
  return call.start('imgdel', id, async (run) => {
    await run.sleep(world.latency.imgdel);
    if (storage.shared && !world.quorate) throw failure(`cfs-lock 'storage-${storage.id}' error: no quorum!`);
    const found = world.storage.find(volid, node);
    if (found && isBase(found.name) && world.storage.children(found, node).length > 0)
      throw failure(`base volume '${volid}' is still in use by linked cloned`);
    if (found && storage.type === 'rbd') freeImage(world, node, found, run.log);
    if (!world.storage.remove(volid, node))
      run.log(`disk image '${world.storage.path(storage, name)}' does not exist`);
    run.log(`Removed volume '${volid}'`);
  });
}

const noPut = (call: Call): null => {
  const located = locate(call);
  needVolume(call, located, true);
  if (!call.world.storage.find(located.volid, call.node))
    throw failure(`volume '${located.volid}' does not exist`);
  return null;
};

export const bytesOf = (
  storage: Storage,
  name: string,
  data: Buffer,
  ctime: number,
  parsed: ParsedName,
): Volume => ({
  volid: `${storage.id}:${name}`,
  storage: storage.id,
  name,
  content: parsed.type,
  format: parsed.format,
  size: data.length,
  vmid: undefined,
  parent: undefined,
  ctime,
  data,
  snapshots: new Set(),
});

export const requireSpace = (call: Call, storage: Storage, size: number): void => {
  if (usage(call, storage, call.node).avail < wholeKiB(size))
    throw failure(`not enough space on storage '${storage.id}' (${Math.ceil(size / MIB)} MiB needed)`);
};

export const storageRoutes: Routes = {
  'GET /storage': (call) =>
    [...call.world.storage.storages.values()].filter((storage) => mayList(call, storage.id)).map(definition),
  'GET /storage/{storage}': (call) => definition(call.world.storage.get(call.text('storage'))),
  'GET /nodes/{node}/storage': list,
  [`GET ${STORAGE}`]: (call) => {
    call.world.storage.get(call.text('storage'));
    return ['content', 'download-url', 'status', 'upload'].map((subdir) => ({ subdir }));
  },
  [`GET ${STORAGE}/status`]: one,
  [`GET ${STORAGE}/content`]: content,
  [`POST ${STORAGE}/content`]: allocateVolume,
  [`GET ${STORAGE}/content/{volume}`]: volume,
  [`PUT ${STORAGE}/content/{volume}`]: noPut,
  [`DELETE ${STORAGE}/content/{volume}`]: deleteVolume,
};
