/**
 * Disk options that PVE refuses, or that QEMU refuses or ignores, because of the bus, the controller or other options of
 * the disk. They are reported and not written: PVE would refuse the whole request, with everything else in it. Pure.
 */
import { parseProperties, property } from '../../../src/pve/index.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';
import type { DiskOptions } from '../model/disks.ts';

/** A disk, or the one that is about to be attached. */
export interface Drive {
  /** `scsi1`, `virtio0` … */
  readonly device: string;
  /** Its value in PVE's configuration; empty: it is new. */
  readonly text: string;
}

interface Supported {
  readonly options: DiskOptions;
  /** Why the others are left out: a clause each. */
  readonly unsupported: readonly string[];
}

/** The options without those that the disk cannot have. */
export function supportedOptions(options: DiskOptions, drive: Drive, config: GuestConfig): Supported {
  const found = CHECKS.flatMap((check) => check(options, drive, config) ?? []);
  return {
    options: found.reduce((all, { without }) => ({ ...all, ...without }), options),
    unsupported: found.map(({ why }) => why),
  };
}

/** For people: a sentence for each option that is left out. */
export const unsupportedSentences = (
  what: string,
  { device }: Pick<Drive, 'device'>,
  { unsupported }: Pick<Supported, 'unsupported'>,
): readonly string[] => unsupported.map((why) => `${what} (${device}) cannot have the option ${why}`);

type Check = (
  options: DiskOptions,
  drive: Drive,
  config: GuestConfig,
) => { readonly without: DiskOptions; readonly why: string } | undefined;

export const busOf = (device: string): string => device.replace(/\d+$/, '');

/** Virtio disks have no such property (qemu-server, Drive.pm). */
const ssd: Check = (options, { device }) =>
  options.ssd === true && busOf(device) === 'virtio'
    ? {
        without: { ssd: undefined },
        why: 'ssd: Proxmox VE has it only for scsi, sata and ide disks. Remove ssd from the disk.',
      }
    : undefined;

/** IDE and SATA disks have no such property; with another SCSI controller PVE ignores it (qemu-server, QemuServer.pm). */
function iothread(options: DiskOptions, { device }: Drive, config: GuestConfig): ReturnType<Check> {
  if (options.iothread !== true) return undefined;
  const without = { iothread: undefined };
  const bus = busOf(device);
  if (bus === 'ide' || bus === 'sata')
    return {
      without,
      why: 'iothread: Proxmox VE has it only for scsi and virtio disks. Remove iothread from the disk.',
    };
  return bus === 'scsi' && config['scsihw'] !== 'virtio-scsi-single'
    ? {
        without,
        why: 'iothread: the SCSI controller of the VM is not virtio-scsi-single. Remove iothread from the disk, or set scsihw of the VM to virtio-scsi-single in Proxmox VE.',
      }
    : undefined;
}

const NATIVE_CACHES: readonly string[] = ['none', 'directsync'];

function aio(options: DiskOptions, { text }: Drive): ReturnType<Check> {
  const cacheNow = options.cache ?? property(parseProperties(text), 'cache') ?? 'none';
  return options.aio === 'native' && !NATIVE_CACHES.includes(cacheNow)
    ? {
        without: { aio: undefined },
        why: `aio (native): the disk has cache=${cacheNow} in Proxmox VE, and native requires none or directsync. Set cache of the disk as well, or remove aio.`,
      }
    : undefined;
}

/** With aio=native QEMU opens a disk only without the host's cache (block/file-posix.c), so the guest would not start. */
const cache: Check = (options, { text }) =>
  options.cache !== undefined &&
  !NATIVE_CACHES.includes(options.cache) &&
  (options.aio ?? property(parseProperties(text), 'aio')) === 'native'
    ? {
        without: { cache: undefined },
        why: `cache (${options.cache}): the disk has aio=native in Proxmox VE, which requires none or directsync. Remove cache from the disk, or aio=native in Proxmox VE.`,
      }
    : undefined;

/** QEMU takes either a total or values for reads and writes (util/throttle.c), so the guest would not start. */
const totals =
  (total: readonly string[], ...limits: readonly (keyof NonNullable<DiskOptions['limits']>)[]): Check =>
  (options, { text }) => {
    const properties = parseProperties(text);
    const set = total.find((key) => Number(property(properties, key) ?? 0) > 0);
    const asked = limits.filter((key) => (options.limits?.[key] ?? 0) > 0);
    if (set === undefined || asked.length === 0) return undefined;
    const without = Object.fromEntries(limits.map((key) => [key, undefined]));
    return {
      without: { limits: { ...options.limits, ...without } },
      why: `limits.${asked.join(', limits.')}: the disk has ${set}=${property(properties, set) ?? ''} in Proxmox VE, a limit for reads and writes together. Remove one of the two.`,
    };
  };

const CHECKS: readonly Check[] = [
  ssd,
  iothread,
  aio,
  cache,
  totals(['mbps', 'bps'], 'readMBps', 'writeMBps'),
  totals(['iops'], 'readIOPS', 'writeIOPS'),
];
