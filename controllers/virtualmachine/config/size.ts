/** CPUs and memory as PVE's configuration keys, at creation and while the guest runs. Pure. */
import { parseProperties, property } from '../../../src/pve/index.ts';
import { MiB } from '../../../src/lib/units.ts';
import { mergeKeys, NO_KEYS, type Keys } from '../../shared/guests/keys.ts';
import type { Guest, GuestConfig } from '../../shared/guests/model.ts';
import type { Shape } from '../model/desired.ts';
import type { CpuRoom } from '../model/surroundings.ts';
import { plugsMemory, wholeModules } from './memory-modules.ts';

export type { CpuRoom };

type Sized = Pick<Guest, 'config' | 'pending' | 'running'>;

const int = (text: string | undefined, fallback: number): number => {
  const value = Number(text);
  return text !== undefined && Number.isInteger(value) ? value : fallback;
};

/** The guest's vCPUs, and the maximum without a restart. */
export function cpusOf(config: GuestConfig): { readonly now: number; readonly ceiling: number } {
  const ceiling = int(config['cores'], 1) * int(config['sockets'], 1);
  return { now: int(config['vcpus'], ceiling), ceiling };
}

/** The configuration of the running guest, without pending changes. */
export const inForce = ({ config, pending }: Pick<Guest, 'config' | 'pending'>): GuestConfig =>
  pending.length === 0
    ? config
    : Object.fromEntries([
        ...Object.entries(config).filter(([key]) => !pending.some((change) => change.key === key)),
        ...pending.flatMap(({ key, current }) => (current === undefined ? [] : [[key, current] as const])),
      ]);

const DEFAULT_HOTPLUG = ['network', 'disk', 'usb'];

/** Adds cpu to `hotplug`; 1 stands for PVE's defaults and 0 for none. */
function withCpuHotplug(text: string | undefined): string {
  const now = text === undefined || text === '1' ? DEFAULT_HOTPLUG : text === '0' ? [] : text.split(',');
  return [...new Set([...now, 'cpu'])].join(',');
}

/** How many CPUs a guest has, and on how many sockets. */
interface Topology {
  readonly cpus: number;
  /** Absent: one in a new guest, and whatever an existing one has. */
  readonly sockets?: number | undefined;
}

// Only `vcpus` can change while a guest runs; cores and sockets change at the next start (qemu-server, QemuServer.pm).
// So a guest is created with a higher ceiling in cores, and vcpus sets its size.
export function cpuAtCreation(
  want: Topology,
  { maxCpus }: Pick<CpuRoom, 'maxCpus'>,
  config: GuestConfig,
): Keys {
  const { cpus } = want;
  const ceiling = topology(maxCpus, want, config);
  const room = cpusOf(afterWriting({}, ceiling)).ceiling > cpus;
  return {
    set: {
      ...ceiling.set,
      ...(room && { vcpus: cpus, hotplug: withCpuHotplug(config['hotplug']) }),
    },
    delete: [...ceiling.delete, ...(room || config['vcpus'] === undefined ? [] : ['vcpus'])],
  };
}

/** So many CPUs at most, in whole sockets, and no fewer than the guest has. */
function topology(count: number, { cpus, sockets = 1 }: Topology, config: GuestConfig): Keys {
  const cores = Math.floor(Math.max(count, cpus) / sockets);
  return {
    set: { cores, ...(sockets > 1 && { sockets }) },
    delete: sockets > 1 || config['sockets'] === undefined ? [] : ['sockets'],
  };
}

/** A running guest gets at most its current ceiling; the rest follows after the next start. */
export function cpuLater(want: Topology, guest: Sized, room: CpuRoom): Keys {
  const { cpus } = want;
  if (cpus > room.nodeCpus) return NO_KEYS;
  const { config } = guest;
  const now = inForce(guest);
  const ceiling = ceilingChange(want, config, now, room);
  const after = cpusOf(afterWriting(config, ceiling));
  const maxNow = guest.running ? Math.min(after.ceiling, cpusOf(now).ceiling) : after.ceiling;
  const target = Math.min(cpus, maxNow);
  return after.now === target ? ceiling : mergeKeys(ceiling, { set: { vcpus: target }, delete: [] });
}

const afterWriting = (config: GuestConfig, { set, delete: removed }: Keys): GuestConfig =>
  Object.fromEntries([
    ...Object.entries(config).filter(([key]) => !removed.includes(key)),
    ...Object.entries(set).map(([key, value]) => [key, String(value)] as const),
  ]);

/** @param now - the configuration of the running guest */
function ceilingChange(
  want: Topology,
  config: GuestConfig,
  now: GuestConfig,
  { maxCpus, nodeCpus }: CpuRoom,
): Keys {
  const { cpus } = want;
  const planned = cpusOf(config).ceiling;
  const running = cpusOf(now).ceiling;
  if (planned > nodeCpus) return ceilingOf(nodeCpus, want, config);
  const isEnough = cpus <= running && running <= nodeCpus && hasSockets(now, want);
  if (running !== planned && isEnough) return restoreCeiling(now, config);
  if (cpus > planned) return ceilingOf(Math.max(cpus, maxCpus), want, config);
  return hasSockets(config, want) ? NO_KEYS : ceilingOf(planned, want, config);
}

const hasSockets = (config: GuestConfig, { sockets }: Topology): boolean =>
  sockets === undefined || int(config['sockets'], 1) === sockets;

function ceilingOf(count: number, want: Topology, config: GuestConfig): Keys {
  const hotplug = withCpuHotplug(config['hotplug']);
  const keys = topology(count, want, config);
  return cpusOf(afterWriting({}, keys)).ceiling > want.cpus && hotplug !== config['hotplug']
    ? mergeKeys(keys, { set: { hotplug }, delete: [] })
    : keys;
}

/** Removes a pending ceiling that is no longer needed: PVE drops a pending change that equals the current value. */
const restoreCeiling = (now: GuestConfig, config: GuestConfig): Keys =>
  mergeKeys(
    ...['cores', 'sockets'].map((key): Keys => {
      const value = now[key];
      if (value === config[key]) return NO_KEYS;
      return value === undefined ? { set: {}, delete: [key] } : { set: { [key]: value }, delete: [] };
    }),
  );

/** PVE writes `4096` or, in newer versions, `current=4096`. */
export const memoryMiBOf = (config: GuestConfig): number =>
  int(property(parseProperties(config['memory'] ?? '512'), 'current', 'current'), 512);

type MemorySettings = Pick<Shape, 'memory' | 'maxMemory' | 'minMemory' | 'hardware'>;

export function memoryAtCreation(want: MemorySettings, config: GuestConfig): Keys {
  const { memory, maxMemory, minMemory, hardware: { sockets = 1 } = {} } = want;
  // The configuration of the same write has these sockets.
  const possible = possibleMemory({
    config: { ...config, sockets: `${sockets}` },
    pending: [],
    running: false,
  });
  if (minMemory !== undefined) return between(mib(minMemory), possible(mib(memory)), config);
  return maxMemory === undefined
    ? fixedMemory(possible(mib(memory)), config, true)
    : ballooned(mib(memory), possible(mib(maxMemory)), config);
}

// A guest is created with its maximum memory, and the balloon reduces it to the desired size. PVE applies a new balloon
// size immediately if `shares` is 0; otherwise pvestatd adjusts the balloon (qemu-server, vmconfig_hotplug_pending).
export function memoryLater({ memory, maxMemory, minMemory }: MemorySettings, guest: Sized): Keys {
  const { config } = guest;
  const target = mib(memory);
  const possible = possibleMemory(guest);
  if (minMemory !== undefined) return between(mib(minMemory), possible(target), config);
  if (maxMemory === undefined) return fixedMemory(possible(target), config, false);
  const running = memoryMiBOf(inForce(guest));
  const planned = memoryMiBOf(config);
  const enough = [running, planned].find((ceiling) => ceiling >= target);
  return ballooned(target, possible(enough ?? mib(maxMemory)), config);
}

/** The memory, in MiB, that PVE can give to the guest: now, and at its next start. */
function possibleMemory(guest: Sized): (mib: number) => number {
  const { config, running } = guest;
  const inModules = plugsMemory(config) || (running && plugsMemory(inForce(guest)));
  return (mib) => (inModules ? wholeModules(mib, config) : mib);
}

const mib = (memory: number): number => Math.floor(memory / MiB);

const ballooned = (target: number, ceiling: number, config: GuestConfig): Keys => ({
  set: {
    ...(memoryMiBOf(config) !== ceiling && { memory: ceiling }),
    ...(config['balloon'] !== String(target) && { balloon: target }),
    ...(config['shares'] !== '0' && { shares: 0 }),
  },
  delete: [],
});

/** Where the node runs short of memory, PVE takes from the guest down to this, unless `shares` is 0 (pvestatd). */
const between = (least: number, memory: number, config: GuestConfig): Keys => ({
  set: {
    ...(memoryMiBOf(config) !== memory && { memory }),
    ...(config['balloon'] !== String(least) && { balloon: least }),
  },
  delete: config['shares'] === '0' ? ['shares'] : [],
});

function fixedMemory(target: number, config: GuestConfig, creating: boolean): Keys {
  const balloon = config['balloon'];
  const set = memoryMiBOf(config) === target ? {} : { memory: target };
  if (balloon === undefined || balloon === '0') return { set, delete: [] };
  // The guest was created when its class had a maximum memory: the balloon follows the memory.
  if (!creating && config['shares'] === '0')
    return { set: { ...set, ...(balloon !== String(target) && { balloon: target }) }, delete: [] };
  // The template's balloon target, or one above the memory, is removed; 0 means "no balloon device" and is kept.
  return { set, delete: creating || Number(balloon) > target ? ['balloon'] : [] };
}
