/** CPUs and memory of a guest, and what of them changes while it runs: the wish ⇄ PVE's configuration keys. Pure. */
import { parseProperties, property } from '../../../src/pve/index.ts';
import { MiB } from '../../../src/lib/units.ts';
import { mergeKeys, NO_KEYS, type Keys } from '../../shared/guests/keys.ts';
import type { Guest, GuestConfig } from '../../shared/guests/model.ts';
import type { Shape } from '../model/desired.ts';
import type { CpuRoom } from '../model/surroundings.ts';

export type { CpuRoom };

type Sized = Pick<Guest, 'config' | 'pending' | 'running'>;

const int = (text: string | undefined, fallback: number): number => {
  const value = Number(text);
  return text !== undefined && Number.isInteger(value) ? value : fallback;
};

/** vCPUs that the guest has, and the most it can have without a restart. */
export function cpusOf(config: GuestConfig): { readonly now: number; readonly ceiling: number } {
  const ceiling = int(config['cores'], 1) * int(config['sockets'], 1);
  return { now: int(config['vcpus'], ceiling), ceiling };
}

/** The configuration that the guest runs with: without what waits for its next start. */
export const inForce = ({ config, pending }: Pick<Guest, 'config' | 'pending'>): GuestConfig =>
  Object.fromEntries([
    ...Object.entries(config).filter(([key]) => !pending.some((change) => change.key === key)),
    ...pending.flatMap(({ key, current }) => (current === undefined ? [] : [[key, current] as const])),
  ]);

const DEFAULT_HOTPLUG = ['network', 'disk', 'usb'];

/** `hotplug` with cpu in it; PVE writes 1 for its defaults and 0 for none. */
function withCpuHotplug(text: string | undefined): string {
  const now = text === undefined || text === '1' ? DEFAULT_HOTPLUG : text === '0' ? [] : text.split(',');
  return [...new Set([...now, 'cpu'])].join(',');
}

// Only `vcpus` can change while a guest runs; cores and sockets wait for the next start (qemu-server, QemuServer.pm).
// So a guest is made with room to grow, and its size is set below that ceiling.
export function cpuAtCreation(
  cpus: number,
  { maxCpus }: Pick<CpuRoom, 'maxCpus'>,
  config: GuestConfig,
): Keys {
  const room = maxCpus > cpus;
  return {
    set: {
      cores: maxCpus,
      ...(room && { vcpus: cpus, hotplug: withCpuHotplug(config['hotplug']) }),
    },
    delete: [
      ...(config['sockets'] === undefined ? [] : ['sockets']),
      ...(room || config['vcpus'] === undefined ? [] : ['vcpus']),
    ],
  };
}

/** A running guest gets what its ceiling in force allows; what is above that follows after its next start. */
export function cpuLater(cpus: number, guest: Sized, room: CpuRoom): Keys {
  if (cpus > room.nodeCpus) return NO_KEYS;
  const { config } = guest;
  const now = inForce(guest);
  const ceiling = ceilingChange(cpus, config, now, room);
  const after = cpusOf(written(config, ceiling));
  const most = guest.running ? Math.min(after.ceiling, cpusOf(now).ceiling) : after.ceiling;
  const target = Math.min(cpus, most);
  return after.now === target ? ceiling : mergeKeys(ceiling, { set: { vcpus: target }, delete: [] });
}

const written = (config: GuestConfig, { set, delete: gone }: Keys): GuestConfig =>
  Object.fromEntries([
    ...Object.entries(config).filter(([key]) => !gone.includes(key)),
    ...Object.entries(set).map(([key, value]) => [key, String(value)] as const),
  ]);

/** @param now what the guest runs with */
function ceilingChange(
  cpus: number,
  config: GuestConfig,
  now: GuestConfig,
  { maxCpus, nodeCpus }: CpuRoom,
): Keys {
  const planned = cpusOf(config).ceiling;
  const running = cpusOf(now).ceiling;
  if (planned > nodeCpus) return cores(nodeCpus, cpus, config);
  if (running !== planned && cpus <= running && running <= nodeCpus) return backTo(now, config);
  return cpus > planned ? cores(Math.max(cpus, maxCpus), cpus, config) : NO_KEYS;
}

const cores = (count: number, cpus: number, config: GuestConfig): Keys => {
  const hotplug = withCpuHotplug(config['hotplug']);
  return {
    set: { cores: count, ...(count > cpus && hotplug !== config['hotplug'] && { hotplug }) },
    delete: config['sockets'] === undefined ? [] : ['sockets'],
  };
};

/** A ceiling that waits for the next start and is no longer needed: PVE drops what equals the value in force. */
const backTo = (now: GuestConfig, config: GuestConfig): Keys =>
  mergeKeys(
    ...['cores', 'sockets'].map((key): Keys => {
      const value = now[key];
      if (value === config[key]) return NO_KEYS;
      return value === undefined ? { set: {}, delete: [key] } : { set: { [key]: value }, delete: [] };
    }),
  );

/** PVE writes `4096` or, newer, `current=4096`. */
export const memoryMiBOf = (config: GuestConfig): number =>
  int(property(parseProperties(config['memory'] ?? '512'), 'current', 'current'), 512);

type MemorySettings = Pick<Shape, 'memory' | 'maxMemory'>;

export const memoryAtCreation = ({ memory, maxMemory }: MemorySettings, config: GuestConfig): Keys =>
  maxMemory === undefined
    ? fixedMemory(mib(memory), config, true)
    : ballooned(mib(memory), mib(maxMemory), config);

// A guest is made with the most it may have, and its balloon holds back what is above the wish. PVE changes the size
// of a balloon at once where `shares` is 0; else it would do so by itself (qemu-server, vmconfig_hotplug_pending).
export function memoryLater({ memory, maxMemory }: MemorySettings, guest: Sized): Keys {
  const { config } = guest;
  const target = mib(memory);
  if (maxMemory === undefined) return fixedMemory(target, config, false);
  const running = memoryMiBOf(inForce(guest));
  const planned = memoryMiBOf(config);
  const enough = [running, planned].find((ceiling) => ceiling >= target);
  return ballooned(target, enough ?? mib(maxMemory), config);
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

function fixedMemory(target: number, config: GuestConfig, creating: boolean): Keys {
  const balloon = config['balloon'];
  const set = memoryMiBOf(config) === target ? {} : { memory: target };
  if (balloon === undefined || balloon === '0') return { set, delete: [] };
  // The guest was made when its class had room to grow: its balloon follows.
  if (!creating && config['shares'] === '0')
    return { set: { ...set, ...(balloon !== String(target) && { balloon: target }) }, delete: [] };
  // A balloon target of the template, or one above the memory, is nobody's wish; 0 means "no balloon device" and stays.
  return { set, delete: creating || Number(balloon) > target ? ['balloon'] : [] };
}
