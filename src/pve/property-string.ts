/** PVE's property strings: `virtio=BC:24:11:00:00:01,bridge=vmbr0`. A round trip keeps the order and unknown keys. */
import type { Bytes } from '../lib/units.ts';
import { createKnownTexts } from './known-texts.ts';
import { parseSize } from './wire.ts';

/** One element. An element without a key is the value of the default key, such as the volume of a disk. */
export interface Property {
  readonly key?: string;
  readonly value: string;
}
export type PropertyString = readonly Property[];

/** Splits at commas, and at the first `=` only: values may contain `=`. */
export function parseProperties(text: string): PropertyString {
  if (text === '') return [];
  return text.split(',').map((element) => {
    const at = element.indexOf('=');
    return at < 0 ? { value: element } : { key: element.slice(0, at), value: element.slice(at + 1) };
  });
}

/** The inverse of `parseProperties`. */
export const printProperties = (properties: PropertyString): string =>
  properties.map(({ key, value }) => (key === undefined ? value : `${key}=${value}`)).join(',');

/** The value of a key. The element without a key counts if `key` is the default key. */
export const property = (properties: PropertyString, key: string, defaultKey?: string): string | undefined =>
  properties.find((each) => each.key === key || (each.key === undefined && key === defaultKey))?.value;

/** Replaces the value of a key in place, or appends the key; `undefined` removes it. */
export function withProperty(
  properties: PropertyString,
  key: string,
  value: string | undefined,
): PropertyString {
  if (value === undefined) return properties.filter((each) => each.key !== key);
  if (!properties.some((each) => each.key === key)) return [...properties, { key, value }];
  return properties.map((each) => (each.key === key ? { key, value } : each));
}

/** The value of `net0`, `net1` … */
export interface Nic {
  readonly model: string;
  readonly mac: string | undefined;
  readonly bridge: string | undefined;
  readonly vlan: number | undefined;
  readonly mtu: number | undefined;
  readonly firewall: boolean;
  readonly linkDown: boolean;
  readonly properties: PropertyString;
}

const NIC_MODELS = /^(virtio|e1000(-\w+|e)?|rtl8139|vmxnet3|ne2k_(isa|pci)|i8255\w+|pcnet)$/;

const wholeNumber = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;

/** Parses all three forms: `virtio=MAC`, `model=virtio,macaddr=MAC`, and `virtio` alone, for which PVE chooses the address. */
export function parseNic(text: string): Nic {
  const properties = parseProperties(text);
  const named = properties.find(({ key }) => key !== undefined && NIC_MODELS.test(key));
  const flag = (key: string): boolean => property(properties, key) === '1';
  return {
    model: named?.key ?? property(properties, 'model', 'model') ?? '',
    mac: (named?.value ?? property(properties, 'macaddr'))?.toUpperCase(),
    bridge: property(properties, 'bridge'),
    vlan: wholeNumber(property(properties, 'tag')),
    mtu: wholeNumber(property(properties, 'mtu')),
    firewall: flag('firewall'),
    linkDown: flag('link_down'),
    properties,
  };
}

/** The value of `scsi0`, `ide2` … */
export interface Disk {
  /** A volume ID, or `none` for an empty drive. */
  readonly volume: string;
  readonly size: Bytes | undefined;
  readonly cdrom: boolean;
  /** Whether it is PVE's cloud-init drive. */
  readonly cloudInit: boolean;
  readonly properties: PropertyString;
}

const CLOUD_INIT = /^[^:]+:(\d+\/)?(cloudinit|vm-\d+-cloudinit(\.\w+)?)$/;

/** Every pass asks for each drive of its guest a dozen times. */
const disks = createKnownTexts<Disk>(64 * 1024);

export const parseDisk = (text: string): Disk => disks.of(text, readDisk);

function readDisk(text: string): Disk {
  const properties = parseProperties(text);
  const volume = property(properties, 'file', 'file') ?? property(properties, 'volume') ?? '';
  const size = property(properties, 'size');
  return {
    volume,
    size: size === undefined ? undefined : parseSize(size),
    cdrom: property(properties, 'media') === 'cdrom',
    cloudInit: CLOUD_INIT.test(volume),
    properties,
  };
}

export interface VolumeId {
  readonly storage: string;
  /** The storage's name for it; may contain colons and slashes. */
  readonly volume: string;
}

/** `local-lvm:vm-100-disk-0` → storage and volume; `undefined` for `none`, `cdrom` and absolute paths. */
export function parseVolumeId(text: string): VolumeId | undefined {
  const at = text.indexOf(':');
  if (at < 1 || at === text.length - 1 || text.startsWith('/')) return undefined;
  return { storage: text.slice(0, at), volume: text.slice(at + 1) };
}

/** The devices of `boot: order=scsi0;net0`; `undefined` for the legacy form (`cdn`), whose disk `bootdisk` names. */
export function parseBootOrder(text: string): readonly string[] | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return [];
  const order = property(parseProperties(trimmed), 'order');
  return order?.split(';').filter((device) => device !== '');
}
