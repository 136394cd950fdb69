import { optionProperties } from './guest.ts';
import type { Config } from './guest.ts';

const range = (stem: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${stem}${i}`);

/** In PVE's order, which also determines the first disk. */
export const driveNames: readonly string[] = [
  ...range('ide', 4),
  ...range('scsi', 31),
  ...range('virtio', 16),
  ...range('sata', 6),
  'efidisk0',
  'tpmstate0',
];

const drives: ReadonlySet<string> = new Set(driveNames);

export const isDrive = (key: string): boolean => drives.has(key);
export const isUnused = (key: string): boolean => /^unused\d+$/.test(key);

export interface Drive {
  readonly key: string;
  /** A volume, `none`, `cdrom`, a path, or `STORAGE:SIZE` for a new volume. */
  readonly file: string;
  readonly options: Readonly<Record<string, string>>;
}

export function parseDrive(key: string, value: string): Drive {
  const { file = '', ...options } = optionProperties(key, value);
  return { key, file, options };
}

/** The file first, the rest by name: PVE's own form. */
export function printDrive({ file, options }: Pick<Drive, 'file' | 'options'>): string {
  const rest = Object.entries(options)
    .map(([key, value]) => `${key}=${value}`)
    .sort();
  return [file, ...rest].join(',');
}

export const isCdrom = (drive: Drive): boolean => drive.options['media'] === 'cdrom';

export const isCloudInit = (drive: Drive): boolean =>
  /(?:^|[:/])(?:vm-\d+-)?cloudinit(?:\.\w+)?$/.test(drive.file);

/** `STORAGE:SIZE`: a disk to be created, with its size in GiB. */
export function newDisk(file: string): { readonly storage: string; readonly gib: number } | undefined {
  const match = /^([A-Za-z][A-Za-z0-9\-_.]*):(\d+(?:\.\d+)?)$/.exec(file);
  return match ? { storage: match[1] ?? '', gib: Number(match[2]) } : undefined;
}

/** Splits a volume ID at its first colon. */
export function splitVolid(volid: string): { readonly storage: string; readonly name: string } | undefined {
  const match = /^([A-Za-z][A-Za-z0-9\-_.]*[A-Za-z0-9]):(.+)$/.exec(volid);
  return match ? { storage: match[1] ?? '', name: match[2] ?? '' } : undefined;
}

/** The drives of a configuration, in PVE's order. */
export function drivesOf(config: Config): readonly Drive[] {
  return driveNames.flatMap((key) => {
    const value = config.get(key);
    return value === undefined ? [] : [parseDrive(key, value)];
  });
}

const bootable = (drive: Drive): boolean => !/^(?:efidisk|tpmstate)/.test(drive.key);

/** The default boot order of PVE: the first disk, the first CD drive, the first net. */
export function defaultBootOrder(config: Config): string {
  const all = drivesOf(config).filter(bootable);
  const net = range('net', 32).find((key) => config.has(key));
  const disk = all.find((drive) => !isCdrom(drive))?.key;
  const cdrom = all.find(isCdrom)?.key;
  return printBootOrder([disk, cdrom, net].filter((key) => key !== undefined));
}

export const printBootOrder = (devices: readonly string[]): string =>
  devices.length === 0 ? ' ' : `order=${devices.join(';')}`;

export function bootOrder(config: Config): readonly string[] {
  const order = /(?:^|,)order=([^,]*)/.exec(config.get('boot') ?? '')?.[1];
  return order === undefined ? [] : order.split(';').filter((key) => key !== '');
}

/** The disk whose size lists report for the guest. */
export function bootDisk(config: Config): Drive | undefined {
  const isDisk = (key: string): boolean => {
    const value = config.get(key);
    return isDrive(key) && value !== undefined && !isCdrom(parseDrive(key, value));
  };
  const legacy = config.get('bootdisk');
  const key = bootOrder(config).find(isDisk) ?? (legacy !== undefined && isDisk(legacy) ? legacy : undefined);
  if (key !== undefined) return parseDrive(key, config.get(key) ?? '');
  return config.has('boot')
    ? undefined
    : drivesOf(config).find((drive) => bootable(drive) && !isCdrom(drive));
}

export function freeUnused(config: Config): string {
  for (let i = 0; ; i += 1) if (!config.has(`unused${i}`)) return `unused${i}`;
}
