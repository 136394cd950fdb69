import { checkLock } from './call.ts';
import { failure } from './errors.ts';
import { drivesOf, freeUnused, isCdrom, isDrive, isUnused, splitVolid } from './drives.ts';
import { allocate, formatOn } from './disks.ts';
import { memoryMiB } from './guest.ts';
import { agentAnswers, powerOn } from './power.ts';
import { MIB, parseSize } from './size.ts';
import { canSnapshot } from './storage.ts';
import type { Drive } from './drives.ts';
import type { Config, Guest, Snapshot } from './guest.ts';
import type { TaskRun } from './tasks.ts';
import type { World } from './world.ts';

const bookkeeping = /^(?:parent|snaptime|snapstate|vmstate|lock|digest|unused\d+|description|running.*)$/;

/** Disks that a snapshot includes. */
const snapshotted = (config: Config): readonly Drive[] =>
  drivesOf(config).filter((drive) => !isCdrom(drive) && drive.file !== 'none');

/** Whether every disk of the guest supports snapshots. */
export function hasSnapshots(world: World, guest: Guest): boolean {
  return snapshotted(guest.config).every((drive) => {
    const volume = world.storage.find(drive.file, guest.node);
    const storage = world.storage.storages.get(splitVolid(drive.file)?.storage ?? '');
    return volume !== undefined && storage !== undefined && canSnapshot(storage, volume.format);
  });
}

/** The QEMU machine settings of a running guest, to restore it later. */
export function machineState(guest: Guest): readonly (readonly [string, string])[] {
  const nets = [...guest.config.keys()].filter((key) => /^net\d+$/.test(key)).sort();
  return [
    ...(nets.length === 0
      ? []
      : [['running-nets-host-mtu', nets.map((key) => `${key}=1500`).join(',')] as const]),
    ['runningcpu', guest.get('cpu') ?? 'kvm64,enforce,+kvm_pv_eoi,+kvm_pv_unhalt,+lahf_lm,+sep'],
    ['runningmachine', `${guest.get('machine') === 'q35' ? 'pc-q35' : 'pc-i440fx'}-10.1+pve0`],
  ];
}

/** The default storage for the guest's memory. */
export function stateStorage(world: World, guest: Guest): string {
  const chosen = guest.get('vmstatestorage');
  const used = drivesOf(guest.config).flatMap((drive) =>
    isCdrom(drive) ? [] : (splitVolid(drive.file)?.storage ?? []),
  );
  return (
    chosen ??
    used.find((id) => world.storage.storages.get(id)?.shared) ??
    used[0] ??
    [...world.storage.storages.values()].find((s) => s.content.includes('images'))?.id ??
    'local'
  );
}

/** A volume for the guest's memory. */
export function allocateState(world: World, guest: Guest, name: string, storageId?: string): string {
  const storage = world.storage.on(storageId ?? stateStorage(world, guest), guest.node);
  const context = { world, node: guest.node, vmid: guest.vmid, log: () => undefined };
  // While it is saved, memory that changes is saved again.
  const size = (2 * memoryMiB(guest.config) + 500) * MIB;
  return allocate(context, { storage, size, format: formatOn(storage, 'raw'), kind: `state-${name}` }).volid;
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
  return config;
}

function checkSnapshot(world: World, guest: Guest, name: string): void {
  if (guest.is('template')) throw failure("you can't take a snapshot if it's a template");
  checkLock(guest);
  if (guest.snapshots.has(name)) throw failure(`snapshot name '${name}' already used`);
  if (!hasSnapshots(world, guest)) throw failure('snapshot feature is not available');
}

function saveMemory(world: World, guest: Guest, name: string, config: Config, run: TaskRun): void {
  const state = allocateState(world, guest, name);
  config.set('vmstate', state);
  for (const [key, value] of machineState(guest)) config.set(key, value);
  run.log(`saving VM state and RAM using storage '${splitVolid(state)?.storage ?? ''}'`);
  run.log(`completed saving the VM state in 1s, saved ${memoryMiB(guest.config)}.00 MiB`);
}

function logFreeze(world: World, guest: Guest, run: TaskRun): void {
  if (agentAnswers(world, guest)) run.log('issuing guest agent fs-freeze command');
  else run.log('skipping guest filesystem freeze - disabled in VM options');
}

/** The work of a snapshot task. */
export async function takeSnapshot(
  world: World,
  guest: Guest,
  request: SnapshotRequest,
  run: TaskRun,
): Promise<void> {
  const { name } = request;
  checkSnapshot(world, guest, name);
  const config = copyOf(world, guest, request);
  world.requireWritable(guest);
  guest.config.set('lock', 'snapshot');
  guest.written();
  try {
    await run.sleep(world.latency.qmsnapshot);
    if (request.memory && guest.running) saveMemory(world, guest, name, config, run);
    else if (guest.running) logFreeze(world, guest, run);
    for (const drive of snapshotted(guest.config)) {
      run.log(`snapshotting 'drive-${drive.key}' (${drive.file})`);
      if (guest.running) run.log('internal qemu snapshot');
      world.storage.find(drive.file, guest.node)?.snapshots.add(name);
    }
    guest.snapshots.set(name, { name, config });
    guest.config.set('parent', name);
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

/** Disks that the snapshot does not have become unused, and those that it has no longer are. */
function keepReplaced(guest: Guest, back: Config): void {
  const used = new Set(drivesOf(back).map((drive) => drive.file));
  const replaced = snapshotted(guest.config).filter((drive) => !used.has(drive.file));
  for (const drive of replaced) back.set(freeUnused(back), drive.file);
  for (const [key, volid] of back) if (isUnused(key) && used.has(volid)) back.delete(key);
}

/** The configuration that the guest has after a rollback. */
function restored(world: World, guest: Guest, { name, config }: Snapshot): Config {
  const back: Config = new Map([...config].filter(([key]) => !bookkeeping.test(key)));
  // PVE keeps the description and the unused disks.
  for (const [key, value] of guest.config)
    if (/^unused\d+$/.test(key) || key === 'description') back.set(key, value);
  keepReplaced(guest, back);
  back.set('parent', name);
  if (config.has('vmgenid')) back.set('vmgenid', world.random.uuid());
  return back;
}

/** The work of a rollback task: the guest is off afterwards, unless the snapshot has memory or a start was requested. */
export async function rollBack(
  world: World,
  guest: Guest,
  name: string,
  startAfter: boolean,
  run: TaskRun,
): Promise<void> {
  if (guest.is('template')) throw failure("you can't rollback if vm is a template");
  const snapshot = snapshotOf(guest, name);
  checkLock(guest);
  world.requireWritable(guest);
  guest.config.set('lock', 'rollback');
  guest.written();
  try {
    await run.sleep(world.latency.qmrollback);
  } finally {
    guest.config.delete('lock');
    guest.written();
  }
  guest.running = undefined;
  for (const drive of snapshotted(snapshot.config)) {
    const volume = world.storage.find(drive.file, guest.node);
    if (volume) volume.size = parseSize(drive.options['size'] ?? '') ?? volume.size;
  }
  guest.config = restored(world, guest, snapshot);
  guest.pending.clear();
  guest.pendingDelete.clear();
  guest.written();
  const withMemory = snapshot.config.has('vmstate');
  if (!withMemory && !startAfter) return;
  const running = powerOn(world, guest);
  if (withMemory) running.bootedAt = world.clock.now();
}

/** Its children are attached to its parent. */
function relink(guest: Guest, name: string, parent: string | undefined): void {
  for (const config of [guest.config, ...[...guest.snapshots.values()].map((snapshot) => snapshot.config)]) {
    if (config.get('parent') !== name) continue;
    if (parent === undefined) config.delete('parent');
    else config.set('parent', parent);
  }
}

export async function deleteSnapshot(world: World, guest: Guest, name: string, run: TaskRun): Promise<void> {
  const { config } = snapshotOf(guest, name);
  checkLock(guest);
  world.requireWritable(guest);
  guest.config.set('lock', 'snapshot-delete');
  guest.written();
  try {
    await run.sleep(world.latency.qmdelsnapshot);
    const state = config.get('vmstate');
    if (state !== undefined) world.storage.remove(state, guest.node);
    for (const drive of drivesOf(config)) world.storage.find(drive.file, guest.node)?.snapshots.delete(name);
    relink(guest, name, config.get('parent'));
    guest.snapshots.delete(name);
  } finally {
    guest.config.delete('lock');
    guest.written();
  }
}

/** The rows of GET snapshot; the last one is not a snapshot. */
export function snapshotRows(guest: Guest): readonly object[] {
  const parentOf = (config: Config) => (config.has('parent') ? { parent: config.get('parent') } : {});
  const rows: object[] = [...guest.snapshots.values()].map(({ name, config }) => ({
    name,
    description: config.get('description') ?? '',
    snaptime: Number(config.get('snaptime') ?? 0),
    vmstate: config.has('vmstate') ? 1 : 0,
    ...parentOf(config),
  }));
  const running = guest.running ? 1 : 0;
  return [
    ...rows,
    {
      name: 'current',
      description: 'You are here!',
      digest: guest.digest,
      running,
      ...parentOf(guest.config),
    },
  ];
}

/** Every volume that only snapshots of the guest refer to. */
export const snapshotVolumes = (guest: Guest): readonly string[] =>
  [...guest.snapshots.values()].flatMap(({ config }) =>
    [...config]
      .filter(([key]) => isDrive(key) || key === 'vmstate')
      .map(([, value]) => value.split(',')[0] ?? ''),
  );
