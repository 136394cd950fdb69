/** A disk's value in PVE's configuration. Properties that the spec does not set are kept. Pure. */
import {
  parseDisk,
  parseProperties,
  printProperties,
  printSize,
  property,
  withProperty,
} from '../../../src/pve/index.ts';
import { sha256Hex } from '../../../src/lib/hash.ts';
import { GiB, type Bytes } from '../../../src/lib/units.ts';
import type { DiskOptions } from '../model/disks.ts';

/** QEMU's limit for the serial number of a drive. */
const MAX_SERIAL_LENGTH = 20;

/**
 * The serial number identifies a disk, in the guest whatever its device is called, and for the operator after a request
 * without an answer, after a lost status, and in a cluster that was rebuilt from Git.
 */
export const serialOf = (name: string): string =>
  name.length <= MAX_SERIAL_LENGTH
    ? name
    : `${name.slice(0, MAX_SERIAL_LENGTH - 5)}-${sha256Hex(name).slice(0, 4)}`;

export const hasSerialOf = (text: string, name: string): boolean =>
  property(parseProperties(text), 'serial') === serialOf(name);

const ON = new Set(['1', 'on', 'yes', 'true']);
const OFF = new Set(['0', 'off', 'no', 'false']);

/** A property and its desired value; `undefined`: PVE's default. */
type DesiredProperty = readonly [key: string, value: string | undefined];

const flag = (key: string, desired: boolean | undefined, on = '1'): DesiredProperty[] =>
  desired === undefined ? [] : [[key, desired ? on : undefined]];

/** PVE's default is on. */
const unlessOff = (key: string, desired: boolean | undefined): DesiredProperty[] =>
  desired === undefined ? [] : [[key, desired ? undefined : '0']];

const limit = (key: string, desired: number | undefined): DesiredProperty[] =>
  desired === undefined ? [] : [[key, desired === 0 ? undefined : String(desired)]];

const desiredProperties = ({
  cache,
  discard,
  ssd,
  iothread,
  aio,
  backup,
  replicate,
  limits = {},
}: DiskOptions): DesiredProperty[] => [
  ...(cache === undefined ? [] : [['cache', cache === 'none' ? undefined : cache] as const]),
  ...flag('discard', discard, 'on'),
  ...flag('ssd', ssd),
  ...flag('iothread', iothread),
  ...(aio === undefined ? [] : [['aio', aio] as const]),
  ...unlessOff('backup', backup),
  ...unlessOff('replicate', replicate),
  ...limit('iops_rd', limits.readIOPS),
  ...limit('iops_wr', limits.writeIOPS),
  ...limit('mbps_rd', limits.readMBps),
  ...limit('mbps_wr', limits.writeMBps),
];

const DEFAULTS: Readonly<Record<string, readonly string[]>> = {
  cache: ['none'],
  discard: ['ignore'],
  ssd: ['0'],
  iothread: ['0'],
  backup: ['1'],
  replicate: ['1'],
};

const isDefault = (key: string, current: string): boolean =>
  DEFAULTS[key]?.includes(current) ?? Number(current) === 0;

function isEquivalent(key: string, current: string | undefined, desired: string | undefined): boolean {
  if (current === desired) return true;
  if (desired === undefined) return current === undefined || isDefault(key, current);
  if (current === undefined) return false;
  // PVE keeps a number as it was written: 200.0.
  return (
    Number(current) === Number(desired) ||
    (desired === '1' && ON.has(current)) ||
    (desired === '0' && OFF.has(current))
  );
}

/**
 * Sets the options and keeps everything else.
 * @param size - the current size: a pending change that was written before the disk grew still has the old size
 */
export function withOptions(text: string, options: DiskOptions, size: Bytes | undefined): string {
  let properties = parseProperties(text);
  for (const [key, desired] of desiredProperties(options))
    if (!isEquivalent(key, property(properties, key), desired))
      properties = withProperty(properties, key, desired);
  if (size !== undefined && parseDisk(text).size !== size)
    properties = withProperty(properties, 'size', printSize(size));
  return printProperties(properties);
}

export interface NewDrive {
  readonly name: string;
  readonly size?: Bytes | undefined;
  readonly importFrom?: string | undefined;
  readonly options: DiskOptions;
}

/** PVE takes the size in GiB and allocates whole KiB. */
const gibibytes = (size: Bytes): string => String((Math.ceil(size / 1024) * 1024) / GiB);

/** The value for which PVE allocates a disk. An imported disk first has the size of its source. */
export function newDriveText(
  { name, size, importFrom, options }: NewDrive,
  storage: string,
  format?: string,
): string {
  const source = importFrom === undefined ? [] : [{ key: 'import-from', value: importFrom }];
  return printProperties([
    { value: `${storage}:${importFrom === undefined && size !== undefined ? gibibytes(size) : '0'}` },
    ...source,
    ...(format === undefined ? [] : [{ key: 'format', value: format }]),
    { key: 'serial', value: serialOf(name) },
    ...desiredProperties(options).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }])),
  ]);
}

/** The value for which PVE allocates a boot disk. Unlike other disks it needs no serial number to be found. */
export const newRootText = (
  {
    size,
    options,
    provisioning,
  }: {
    readonly size: Bytes;
    readonly options: DiskOptions;
    readonly provisioning: 'thin' | 'thick' | undefined;
  },
  storage: string,
  storageType: string | undefined,
): string => {
  const format = formatFor(storageType, provisioning);
  return printProperties([
    { value: `${storage}:${gibibytes(size)}` },
    ...(format === undefined ? [] : [{ key: 'format', value: format }]),
    ...desiredProperties(options).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }])),
  ]);
};

/** The value that attaches a volume which exists. PVE reads its size. */
export const attachedText = ({ name, options }: Pick<NewDrive, 'name' | 'options'>, volume: string): string =>
  printProperties([
    { value: volume },
    { key: 'serial', value: serialOf(name) },
    ...desiredProperties(options).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }])),
  ]);

/** Storages that store disks as files. Only there a disk has a format, and only qcow2 supports snapshots. */
const FILE_STORAGE_TYPES: ReadonlySet<string | undefined> = new Set(['dir', 'nfs', 'cifs', 'glusterfs']);

/** PVE's default is raw, which does not support snapshots. */
export const formatFor = (
  storageType: string | undefined,
  provisioning: 'thin' | 'thick' | undefined,
): 'qcow2' | undefined =>
  FILE_STORAGE_TYPES.has(storageType) && provisioning !== 'thick' ? 'qcow2' : undefined;
