import { checkLock } from './call.ts';
import { failure } from './errors.ts';
import { drivesOf, isCdrom, isDrive, isUnused, splitVolid } from './drives.ts';
import { memoryMiB } from './guest.ts';
import { logFreeze } from './snapshot-freeze.ts';
import { allocateState, checkMemory, machineState } from './snapshot-memory.ts';
import { hasFeature, isChain, qemuSnapshot } from './volume-features.ts';
import type { Drive } from './drives.ts';
import type { Config, Guest, Snapshot } from './guest.ts';
import type { Storage, Volume } from './storage.ts';
import type { TaskRun } from './tasks.ts';
import type { World } from './world.ts';

/** What is not part of the configuration that a snapshot has. */
export const bookkeeping =
  /^(?:parent|snaptime|snapstate|vmstate|lock|digest|unused\d+|description|running.*)$/;

/** Disks that a snapshot includes. */
export const snapshotted = (config: Config): readonly Drive[] =>
  drivesOf(config).filter((drive) => !isCdrom(drive) && drive.file !== 'none');

/** The volume of a drive and its storage, if both exist. */
export function located(
  world: World,
  guest: Guest,
  drive: Drive,
): { readonly volume: Volume; readonly storage: Storage } | undefined {
  const volume = world.storage.find(drive.file, guest.node);
  const storage = world.storage.storages.get(splitVolid(drive.file)?.storage ?? '');
  return volume && storage ? { volume, storage } : undefined;
}

/** `pc-q35-9.2+pve1`: a chain of volumes needs the block layer of machine 10.0 or newer. */
function isOldMachine(guest: Guest): boolean {
  const version = /-(\d+)\.\d+/.exec(guest.get('machine') ?? '')?.[1];
  return version !== undefined && Number(version) < 10;
}

/** Whether every disk of the guest, or of one of its snapshots, supports snapshots. */
export function hasSnapshots(world: World, guest: Guest, snapname?: string): boolean {
  const config = snapname === undefined ? guest.config : snapshotOf(guest, snapname).config;
  return snapshotted(config).every((drive) => {
    const found = located(world, guest, drive);
    if (!found) return false;
    const { volume, storage } = found;
    if (isChain(storage, volume.format) && isOldMachine(guest)) return false;
    return hasFeature(storage, volume.format, 'snapshot', snapname === undefined ? 'current' : 'snap');
  });
}

export interface SnapshotRequest {
  readonly name: string;
  readonly description: string | undefined;
  readonly memory: boolean;
}

function copyOf(world: World, guest: Guest, { description }: SnapshotRequest): Config {
  const config: Config = new Map([...guest.config].filter(([key]) => !bookkeeping.test(key)));
  if (description !== undefined && description !== '') config.set('description', description);
  const parent = guest.get('parent');
  if (parent !== undefined) config.set('parent', parent);
  config.set('snaptime', String(world.seconds(guest.node)));
  config.set('snapstate', 'prepare');
  return config;
}

function checkSnapshot(world: World, guest: Guest, { name, memory }: SnapshotRequest): void {
  if (guest.is('template')) throw failure("you can't take a snapshot if it's a template");
  checkLock(guest);
  if (memory) checkMemory(guest.config);
  if (guest.snapshots.has(name)) throw failure(`snapshot name '${name}' already used`);
  if (!hasSnapshots(world, guest)) throw failure('snapshot feature is not available');
}

/** The first part of the task: the snapshot is there, incomplete, and the guest is locked. */
function prepare(world: World, guest: Guest, request: SnapshotRequest): Config {
  checkSnapshot(world, guest, request);
  const config = copyOf(world, guest, request);
  // The memory of a guest that is off is left out without a word.
  if (request.memory && guest.running) {
    config.set('vmstate', allocateState(world, guest, request.name));
    for (const [key, value] of machineState(guest)) config.set(key, value);
  }
  world.requireWritable(guest);
  guest.config.set('lock', 'snapshot');
  guest.snapshots.set(request.name, { name: request.name, config });
  guest.written();
  return config;
}

function logMemory(guest: Guest, state: string, run: TaskRun): void {
  run.log(`saving VM state and RAM using storage '${splitVolid(state)?.storage ?? ''}'`);
  run.log(`completed saving the VM state in 1s, saved ${memoryMiB(guest.config)}.00 MiB`);
}

/** Fails where the storage does. */
export function requireSnapshots(world: World, storage: Storage, what: string): void {
  if (world.faults.snapshotsFail(storage.id))
    throw failure(`${what} error: storage '${storage.id}': Input/output error`);
}

function takeOfDisk(world: World, guest: Guest, drive: Drive, name: string, run: TaskRun): void {
  run.log(`snapshotting 'drive-${drive.key}' (${drive.file})`);
  const found = located(world, guest, drive);
  if (!found) return;
  requireSnapshots(world, found.storage, `snapshot '${drive.file}'`);
  const kind = qemuSnapshot(found.storage, found.volume.format);
  if (guest.running && kind !== undefined) run.log(`${kind} qemu snapshot`);
  found.volume.snapshots.add(name);
}

/** A snapshot that failed is removed at once, with what there is of it already. */
function undo(world: World, guest: Guest, { name, config }: Snapshot, run: TaskRun): void {
  run.log('snapshot create failed: starting cleanup');
  const state = config.get('vmstate');
  if (state !== undefined) world.storage.remove(state, guest.node);
  for (const drive of snapshotted(config)) located(world, guest, drive)?.volume.snapshots.delete(name);
  guest.snapshots.delete(name);
}

/** The work of a snapshot task. */
export async function takeSnapshot(
  world: World,
  guest: Guest,
  request: SnapshotRequest,
  run: TaskRun,
): Promise<void> {
  const { name } = request;
  const config = prepare(world, guest, request);
  try {
    await run.sleep(world.latency.qmsnapshot);
    const state = config.get('vmstate');
    if (state !== undefined) logMemory(guest, state, run);
    else if (guest.running) logFreeze(world, guest, run);
    for (const drive of snapshotted(config)) takeOfDisk(world, guest, drive, name, run);
    config.delete('snapstate');
    guest.config.set('parent', name);
  } catch (error) {
    undo(world, guest, { name, config }, run);
    throw error;
  } finally {
    guest.config.delete('lock');
    guest.written();
  }
}

export function snapshotOf(guest: Guest, name: string): Snapshot {
  const snapshot = guest.snapshots.get(name);
  if (!snapshot) throw failure(`snapshot '${name}' does not exist`);
  return snapshot;
}

const optional = (config: Config, ...keys: readonly string[]): object =>
  Object.fromEntries(keys.flatMap((key) => (config.has(key) ? [[key, config.get(key)]] : [])));

/** The rows of GET snapshot; the last one is not a snapshot. */
export function snapshotRows(guest: Guest): readonly object[] {
  const rows: object[] = [...guest.snapshots.values()].map(({ name, config }) => ({
    name,
    description: config.get('description') ?? '',
    snaptime: Number(config.get('snaptime') ?? 0),
    vmstate: config.has('vmstate') ? 1 : 0,
    ...optional(config, 'parent', 'snapstate'),
  }));
  const { digest } = guest;
  const running = guest.running ? 1 : 0;
  const parent = optional(guest.config, 'parent');
  return [...rows, { name: 'current', description: 'You are here!', digest, running, ...parent }];
}

/** Every volume that only snapshots of the guest refer to. */
export const snapshotVolumes = (guest: Guest): readonly string[] =>
  [...guest.snapshots.values()].flatMap(({ config }) =>
    [...config]
      .filter(([key]) => isDrive(key) || key === 'vmstate')
      .map(([, value]) => value.split(',')[0] ?? ''),
  );

/** A volume that moved has another name, also where snapshots refer to it, or its unused slot. */
export function renameInSnapshots(guest: Guest, from: string, to: string): void {
  const configs = [...guest.snapshots.values()].map(({ config }) => config);
  for (const config of [...configs, guest.config])
    for (const [key, value] of config) {
      const [volid, ...options] = value.split(',');
      const isReference = isUnused(key) || (config !== guest.config && (isDrive(key) || key === 'vmstate'));
      if (isReference && volid === from) config.set(key, [to, ...options].join(','));
    }
}
