import { failure } from './errors.ts';
import { drivesOf, isCdrom } from './drives.ts';
import { agentEnabled, coreCount, cpuCount, memoryMiB, optionProperties } from './guest.ts';
import { missingMapping } from './node-devices.ts';
import { checkModules } from './memory.ts';
import { applyPending } from './pending.ts';
import { guestAddresses } from './guest-network.ts';
import { checkCiCustom } from './cloudinit.ts';
import { splitVolid } from './drives.ts';
import { MIB } from './size.ts';
import type { Guest, Running } from './guest.ts';
import type { TaskRun } from './tasks.ts';
import { hasBridge, type World } from './world.ts';

export const hasNoSystem = (guest: Guest): boolean => guest.tags.includes('noguest');
export const ignoresAcpi = (guest: Guest): boolean => guest.tags.includes('noacpi') || hasNoSystem(guest);

export const isBooted = (world: World, guest: Guest): boolean =>
  guest.running !== undefined &&
  guest.running.qmp === 'running' &&
  !hasNoSystem(guest) &&
  world.clock.now() >= guest.running.bootedAt;

/** Whether the guest agent answers now. */
export const agentAnswers = (world: World, guest: Guest): boolean =>
  agentEnabled(guest.config) && isBooted(world, guest) && !world.faults.isAgentSilent(guest.vmid);

function checkBridges(world: World, guest: Guest): void {
  for (const [key, value] of guest.config) {
    if (!/^net\d+$/.test(key)) continue;
    const { bridge } = optionProperties(key, value);
    if (bridge !== undefined && !hasBridge(world, guest.node, bridge))
      throw failure(`bridge '${bridge}' does not exist`);
  }
}

function checkNode(world: World, guest: Guest): void {
  const why = missingMapping(world, guest);
  if (why !== undefined) throw failure(why);
  // The kernel does not give QEMU more memory than there is.
  if (memoryMiB(guest.config) * MIB > (world.nodes.get(guest.node)?.memory ?? Infinity))
    throw failure('start failed: QEMU exited with code 1');
}

function checkHardware(world: World, guest: Guest): void {
  const cpus = world.nodes.get(guest.node)?.cpus ?? 1;
  if (cpuCount(guest.config) > cpus || coreCount(guest.config) > cpus)
    throw failure(`MAX ${cpus} vcpus allowed per VM on this node`);
  const features = guest.get('hotplug') ?? '';
  if (/memory/.test(features)) {
    if (!guest.is('numa')) throw failure('NUMA needs to be enabled for memory hotplug');
    checkModules(memoryMiB(guest.config));
  }
}

function checkVolumes(world: World, guest: Guest): void {
  for (const drive of drivesOf(guest.config)) {
    const parts = splitVolid(drive.file);
    if (!parts) continue;
    world.storage.on(parts.storage, guest.node);
    if (!world.storage.find(drive.file, guest.node) && !(isCdrom(drive) && /cloudinit/.test(drive.file)))
      throw failure(`volume '${drive.file}' does not exist`);
  }
}

function checkStartable(world: World, guest: Guest): void {
  if (guest.is('template')) throw failure("you can't start a vm if it's a template");
  const lock = guest.get('lock');
  if (lock !== undefined && lock !== 'suspended') throw failure(`VM is locked (${lock})`);
  if (guest.running) throw failure(`VM ${guest.vmid} already running`);
}

function machine(world: World, guest: Guest): Running {
  const now = world.clock.now();
  return {
    pid: world.tasks.pid(),
    since: now,
    qmp: 'running',
    bootedAt: now + world.wait(world.latency.guestBoot),
    frozen: false,
    addresses: guestAddresses(world, guest),
    files: new Map([['/etc/hostname', `${(guest.get('name') ?? `VM${guest.vmid}`).split('.')[0] ?? ''}\n`]]),
    processes: new Map(),
  };
}

/** Starts the guest; the checks are those of PVE, in its order. */
export function powerOn(world: World, guest: Guest, since = world.clock.now()): Running {
  applyPending(world, guest);
  checkBridges(world, guest);
  checkHardware(world, guest);
  checkNode(world, guest);
  checkCiCustom(world, guest);
  checkVolumes(world, guest);
  guest.drift.recorded.clear();
  guest.drift.added.clear();
  guest.hasRun = true;
  const running = machine(world, guest);
  guest.running = running;
  cleanUpLate(world, guest, since);
  return running;
}

/**
 * `qm cleanup`, which runs whenever a guest ends, takes the guest's lock and waits until the guest is off. If it was
 * started again before that, it keeps the lock until it gives up.
 */
function cleanUpLate(world: World, guest: Guest, since: number): void {
  const { endedAt } = guest;
  guest.endedAt = undefined;
  if (endedAt === undefined || since - endedAt >= world.wait(world.latency.cleanupStart)) return;
  const { running } = guest;
  const waiting = async (): Promise<void> => {
    const end = world.clock.now() + world.wait(world.latency.cleanupWait);
    while (guest.running === running && world.clock.now() < end)
      await world.clock.sleep(Math.min(CLEANUP_POLL_MS, end - world.clock.now()), world.ended);
  };
  const timeoutMs = world.wait(CLEANUP_LOCK_MS);
  void world.locks.hold(guest.vmid, waiting, { timeoutMs }).catch(() => undefined);
}

const CLEANUP_POLL_MS = 1_000;
const CLEANUP_LOCK_MS = 60_000;

/** Stops the guest; what is pending stays so. */
export function halt(world: World, guest: Guest): void {
  if (guest.running) guest.endedAt = world.clock.now();
  guest.running = undefined;
}

/** Stops the guest and applies its pending changes. */
export function powerOff(world: World, guest: Guest): void {
  halt(world, guest);
  applyPending(world, guest);
}

function resumeState(world: World, guest: Guest, run: TaskRun): void {
  const state = guest.get('vmstate');
  if (guest.get('lock') !== 'suspended' || state === undefined) return;
  run.log('Resuming suspended VM');
  run.log(`activating and using '${state}' as vmstate`);
  run.log('Resumed VM, removing state');
  world.storage.remove(state, guest.node);
  for (const key of ['lock', 'vmstate', 'runningcpu', 'runningmachine', 'running-nets-host-mtu'])
    guest.config.delete(key);
  guest.written();
}

/** The work of a start task. */
export async function start(world: World, guest: Guest, run: TaskRun): Promise<void> {
  checkStartable(world, guest);
  if (guest.get('bios') === 'ovmf' && !guest.config.has('efidisk0'))
    run.warn('no efidisk configured! Using temporary efivars disk.');
  const resumed = guest.get('lock') === 'suspended';
  // The task has the lock of the guest from here on.
  const since = world.clock.now();
  await run.sleep(world.latency.qmstart);
  const running = powerOn(world, guest, since);
  resumeState(world, guest, run);
  if (resumed) running.bootedAt = world.clock.now();
}

export async function stop(world: World, guest: Guest, run: TaskRun): Promise<void> {
  if (!guest.running) return;
  await run.sleep(world.latency.qmstop);
  powerOff(world, guest);
}

export interface ShutdownOptions {
  readonly timeoutS: number;
  readonly force: boolean;
}

/** How long until the guest has shut down; undefined if it does not react. */
function timeUntilOff(world: World, guest: Guest): number | undefined {
  if (guest.running?.qmp !== 'running') return undefined;
  if (ignoresAcpi(guest) && !agentAnswers(world, guest)) return undefined;
  const booting = Math.max(0, guest.running.bootedAt - world.clock.now());
  return booting / (world.latency.scale || 1) + world.latency.guestShutdown;
}

/** Asks the guest to shut down, and kills it only if the caller requested that. */
export async function shutdown(
  world: World,
  guest: Guest,
  run: TaskRun,
  { timeoutS, force }: ShutdownOptions,
): Promise<void> {
  if (!guest.running) return;
  const ms = timeUntilOff(world, guest);
  if (ms !== undefined && ms <= timeoutS * 1000) {
    await run.sleep(ms);
  } else {
    await run.sleep(timeoutS * 1000);
    if (!force) throw failure('VM quit/powerdown failed - got timeout');
    run.log('VM still running - terminating now with SIGTERM');
  }
  powerOff(world, guest);
}
