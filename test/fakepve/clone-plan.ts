import { checkLock } from './call.ts';
import { failure, paramError } from './errors.ts';
import { drivesOf, isCdrom, isCloudInit, splitVolid } from './drives.ts';
import { checkBridges } from './option-rights.ts';
import { isBase } from './storage.ts';
import { hasFeature } from './volume-features.ts';
import type { Call } from './call.ts';
import type { Drive } from './drives.ts';
import type { Config, Guest } from './guest.ts';
import type { World } from './world.ts';

/** What a clone will do, after all checks that could refuse it. */
export interface ClonePlan {
  readonly source: Guest;
  /** Configuration of the source, or of one of its snapshots. */
  readonly config: Config;
  readonly snapname: string | undefined;
  readonly newid: number;
  readonly full: boolean;
  readonly storage: string | undefined;
  readonly format: string | undefined;
  readonly target: string;
  /** KiB per second; 0: unlimited. */
  readonly bwlimit: number;
}

/** CD drives are kept as they are, except for cloud-init drives, which are always copied. */
export const isCopied = (drive: Drive): boolean => !isCdrom(drive) || isCloudInit(drive);

/** These cannot be linked on any storage. */
export const alwaysFull = (drive: Drive): boolean => isCloudInit(drive) || drive.key === 'tpmstate0';

type CloneFeature = 'clone' | 'copy';

/** Whether the storage can link, or copy, the drive: a volume, a base volume, or what a snapshot has of it. */
export function canClone(
  world: World,
  source: Guest,
  drive: Drive,
  feature: CloneFeature,
  snapname: string | undefined,
): boolean {
  const parts = splitVolid(drive.file);
  if (!parts) return false;
  const storage = world.storage.get(parts.storage);
  const format = world.storage.find(drive.file, source.node)?.format ?? 'raw';
  const base = isBase(parts.name) && !/\/vm-\d+-/.test(parts.name);
  return hasFeature(storage, format, feature, snapname !== undefined ? 'snap' : base ? 'base' : 'current');
}

function checkStorage(call: Call, target: string | undefined): string | undefined {
  const { world } = call;
  const id = call.get('storage');
  if (id === undefined) return undefined;
  const storage = world.storage.on(id, call.node);
  if (!storage.content.includes('images'))
    throw paramError({ storage: `storage '${id}' does not support vm images` });
  if (target === undefined) return id;
  world.storage.on(id, target);
  if (!storage.shared) throw failure(`can't clone to non-shared storage '${id}'`);
  return id;
}

function readTarget(call: Call): string | undefined {
  const target = call.get('target');
  if (target === undefined || target === call.node || target === 'localhost') return undefined;
  if (!call.world.nodes.has(target)) throw failure(`no such cluster node '${target}'`);
  return target;
}

function configOf(call: Call, source: Guest): Config {
  const name = call.get('snapname');
  if (name === undefined) return source.config;
  const snapshot = source.snapshots.get(name);
  if (!snapshot) throw failure(`snapshot '${name}' does not exist`);
  return snapshot.config;
}

function checkMode(call: Call, full: boolean): void {
  const refused = ['storage', 'format'].find((name) => !full && call.get(name) !== undefined);
  if (refused !== undefined) throw failure(`parameter '${refused}' not allowed for linked clones`);
}

/** Checks the privileges on storages and bridges, and whether the target node can run the clone. */
function checkAccess(call: Call, config: Config, target: string | undefined): void {
  const { world } = call;
  let shared = true;
  for (const drive of drivesOf(config)) {
    const own = splitVolid(drive.file)?.storage;
    if (own === undefined) continue;
    if (!world.storage.get(own).shared) shared = false;
    if (!isCdrom(drive)) call.need(`/storage/${call.get('storage') ?? own}`, 'Datastore.AllocateSpace');
  }
  checkBridges(call, Object.fromEntries(config));
  if (target !== undefined && !shared)
    throw failure(`can't clone VM to node '${target}' (VM uses local storage)`);
}

function checkVolumes(call: Call, source: Guest, config: Config, full: boolean): void {
  const snapname = call.get('snapname');
  const drives = [...drivesOf(config)].sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const drive of drives.filter(isCopied)) {
    const feature = full || alwaysFull(drive) ? 'copy' : 'clone';
    if (canClone(call.world, source, drive, feature, snapname)) continue;
    const kind = feature === 'copy' ? 'Full' : 'Linked';
    const of = snapname === undefined ? '' : ' a snapshot of';
    throw failure(`${kind} clone feature is not supported for${of} '${drive.file}' (${drive.key})`);
  }
}

/** Performs all checks that PVE performs before it clones, in PVE's order. */
export function planClone(call: Call): ClonePlan {
  const { world } = call;
  const source = world.findGuest(call.node, call.vmid);
  const newid = Number(call.text('newid'));
  const pool = call.get('pool');
  if (pool !== undefined) call.needPool(pool);
  const target = readTarget(call);
  const storage = checkStorage(call, target);
  world.requireQuorum();
  checkLock(source);
  const config = configOf(call, source);
  const full = call.flag('full') ?? !source.is('template');
  checkMode(call, full);
  checkAccess(call, config, target);
  // PVE looks on the node of the source only.
  if (world.guestOn(source.node, newid))
    throw failure(`unable to create VM ${newid}: config file already exists`);
  if (full && source.running && call.get('snapname') === undefined && config.has('tpmstate0'))
    throw failure('cannot clone TPM state while VM is running');
  checkVolumes(call, source, config, full);
  return {
    source,
    config,
    snapname: call.get('snapname'),
    newid,
    full,
    storage,
    format: call.get('format'),
    target: target ?? source.node,
    bwlimit: call.int('bwlimit') ?? 0,
  };
}
