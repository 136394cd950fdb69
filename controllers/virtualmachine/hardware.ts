/** CPU, memory, firmware, identity and agent: the wish ⇄ PVE's configuration keys. Pure. */
import { parseProperties, printProperties, property, withProperty } from '../../src/pve/index.ts';
import { MiB } from '../../src/lib/units.ts';
import { rootDiskOf } from './disks.ts';
import type { GuestConfig, Shape } from './model.ts';

/** A piece of a configuration write. */
export interface Keys {
  readonly set: Readonly<Record<string, string | number>>;
  readonly delete: readonly string[];
}

export const NO_KEYS: Keys = { set: {}, delete: [] };

export const mergeKeys = (...pieces: readonly Keys[]): Keys => ({
  set: pieces.reduce((all, { set }) => ({ ...all, ...set }), {}),
  delete: [...new Set(pieces.flatMap((piece) => piece.delete))],
});

const int = (text: string | undefined, fallback: number): number => {
  const value = Number(text);
  return text !== undefined && Number.isInteger(value) ? value : fallback;
};

/** vCPUs that the guest has, and the most it can have without a restart. */
export function cpusOf(config: GuestConfig): { readonly now: number; readonly ceiling: number } {
  const ceiling = int(config['cores'], 1) * int(config['sockets'], 1);
  return { now: int(config['vcpus'], ceiling), ceiling };
}

const DEFAULT_HOTPLUG = ['network', 'disk', 'usb'];

/** `hotplug` with cpu in it; PVE writes 1 for its defaults and 0 for none. */
function withCpuHotplug(text: string | undefined): string {
  const now = text === undefined || text === '1' ? DEFAULT_HOTPLUG : text === '0' ? [] : text.split(',');
  return [...new Set([...now, 'cpu'])].join(',');
}

// Only `vcpus` can change while a guest runs; cores and sockets wait for the next start (qemu-server, QemuServer.pm).
// So a guest is made with room to grow, and its size is set below that ceiling.
function cpuAtCreation(cpus: number, maxCpus: number, config: GuestConfig): Keys {
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

/** @param nodeCpus what the guest's node has: PVE starts no guest with more */
function cpuLater(cpus: number, config: GuestConfig, nodeCpus: number): Keys {
  const { now, ceiling } = cpusOf(config);
  if (cpus > nodeCpus) return NO_KEYS;
  if (ceiling > nodeCpus)
    return {
      set: { cores: nodeCpus, vcpus: cpus },
      delete: config['sockets'] === undefined ? [] : ['sockets'],
    };
  if (cpus <= ceiling) return now === cpus ? NO_KEYS : { set: { vcpus: cpus }, delete: [] };
  return {
    set: { cores: cpus },
    delete: ['sockets', 'vcpus'].filter((key) => config[key] !== undefined),
  };
}

/** PVE writes `4096` or, newer, `current=4096`. */
export const memoryMiBOf = (config: GuestConfig): number =>
  int(property(parseProperties(config['memory'] ?? '512'), 'current', 'current'), 512);

function memory(want: Shape, config: GuestConfig, creating: boolean): Keys {
  const mib = Math.floor(want.memory / MiB);
  const balloon = config['balloon'];
  // A balloon target of the template, or one above the memory, is nobody's wish; 0 means "no balloon device" and stays.
  const dropBalloon = balloon !== undefined && balloon !== '0' && (creating || Number(balloon) > mib);
  return {
    set: memoryMiBOf(config) === mib ? {} : { memory: mib },
    delete: dropBalloon ? ['balloon'] : [],
  };
}

const DEFAULT_BIOS = 'seabios';

/** `q35` is satisfied by any version of it; a version only by itself. */
function sameMachine(wish: string, current: string | undefined): boolean {
  const type = property(parseProperties(current ?? 'pc'), 'type', 'type') ?? 'pc';
  if (wish === type) return true;
  const family = (name: string): string => (name === 'q35' || name.startsWith('pc-q35') ? 'q35' : 'pc');
  return (wish === 'q35' || wish === 'pc') && family(type) === wish;
}

function firmwareAtCreation(want: Shape, config: GuestConfig): Keys {
  const storage = rootDiskOf(config)?.storage;
  const bios = want.bios ?? config['bios'] ?? DEFAULT_BIOS;
  const needsEfiDisk = bios === 'ovmf' && config['efidisk0'] === undefined && storage !== undefined;
  return {
    set: {
      ...(bios !== (config['bios'] ?? DEFAULT_BIOS) && { bios }),
      ...(want.machine !== undefined &&
        !sameMachine(want.machine, config['machine']) && { machine: want.machine }),
      // Without it the firmware forgets its settings at every start, and each start ends with a warning.
      ...(needsEfiDisk && { efidisk0: `${storage}:1,efitype=4m,pre-enrolled-keys=0` }),
    },
    delete: [],
  };
}

/** What the class says about firmware and the guest does not have: it is only set when a guest is made. */
export function firmwareDifferences(want: Shape, config: GuestConfig): string[] {
  const bios = config['bios'] ?? DEFAULT_BIOS;
  return [
    ...(want.bios !== undefined && want.bios !== bios
      ? [`The firmware is ${bios}, the class says ${want.bios}: firmware is set only when a VM is created.`]
      : []),
    ...(want.machine !== undefined && !sameMachine(want.machine, config['machine'])
      ? [
          `The machine type is ${config['machine'] ?? 'pc'}, the class says ${want.machine}: it is set only when a VM is created.`,
        ]
      : []),
  ];
}

function agent(config: GuestConfig): Keys {
  const properties = parseProperties(config['agent'] ?? '');
  const enabled = property(properties, 'enabled', 'enabled');
  if (enabled === '1') return NO_KEYS;
  const others = properties.filter(({ key }) => key !== undefined && key !== 'enabled');
  return { set: { agent: printProperties([{ key: 'enabled', value: '1' }, ...others]) }, delete: [] };
}

/** The UUID in the guest's SMBIOS tables: the uid of its object, the second proof of whose it is. */
export const smbiosUuidOf = (config: GuestConfig): string | undefined =>
  property(parseProperties(config['smbios1'] ?? ''), 'uuid')?.toLowerCase();

const smbios = (uid: string, config: GuestConfig): Keys => ({
  set: { smbios1: printProperties(withProperty(parseProperties(config['smbios1'] ?? ''), 'uuid', uid)) },
  delete: [],
});

/** A guest's first configuration: what the template says of itself goes, what the object says comes. */
export const hardwareAtCreation = (want: Shape, config: GuestConfig, maxCpus: number): Keys =>
  mergeKeys(
    cpuAtCreation(want.cpus, maxCpus, config),
    memory(want, config, true),
    firmwareAtCreation(want, config),
    agent(config),
    smbios(want.owner.uid, config),
    { set: {}, delete: config['tags'] === undefined ? [] : ['tags'] },
  );

/** What differs on a guest that was configured before. */
export const hardwareLater = (want: Shape, config: GuestConfig, nodeCpus: number): Keys =>
  mergeKeys(cpuLater(want.cpus, config, nodeCpus), memory(want, config, false), agent(config));
