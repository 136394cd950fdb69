import { createHash } from 'node:crypto';
import { parse } from 'yaml';
import { z } from 'zod';
import { drivesOf, isCdrom } from './drives.ts';
import { ipconfigOf } from './cloudinit.ts';
import { optionProperties } from './guest.ts';
import { readIso } from './iso9660.ts';
import type { Guest } from './guest.ts';
import type { World } from './world.ts';

/** One NIC of a network-config, of either version. */
interface Ethernet {
  readonly name: string;
  readonly mac: string | undefined;
  readonly addresses: readonly string[];
  readonly dhcp4: boolean;
  /** It gets an IPv6 address by DHCPv6, or from what routers announce. */
  readonly automatic6: boolean;
}

const subnet = z.looseObject({
  type: z.string(),
  address: z.string().optional(),
  netmask: z.string().optional(),
});
const physical = z.looseObject({
  type: z.string(),
  name: z.string().optional(),
  mac_address: z.string().optional(),
  subnets: z.array(subnet).nullish(),
});
const networkV1 = z
  .looseObject({ version: z.literal(1), config: z.array(physical) })
  .transform(({ config }) => config.filter(({ type }) => type === 'physical').map(fromV1));

function fromV1({ name = '', mac_address, subnets }: z.output<typeof physical>): Ethernet {
  const all = subnets ?? [];
  return {
    name,
    mac: mac_address,
    addresses: all.flatMap(({ address, netmask }) =>
      address === undefined ? [] : [address.includes('/') ? address : `${address}/${prefixOf(netmask)}`],
    ),
    dhcp4: all.some(({ type }) => type === 'dhcp' || type === 'dhcp4'),
    automatic6: all.some(({ type }) => type === 'dhcp6' || type === 'ipv6_slaac'),
  };
}

const prefixOf = (netmask = '255.255.255.0'): number =>
  netmask
    .split('.')
    .map((part) => Number(part).toString(2).replaceAll('0', '').length)
    .reduce((sum, bits) => sum + bits, 0);

const ethernet = z.looseObject({
  match: z.looseObject({ macaddress: z.string().optional() }).optional(),
  dhcp4: z.boolean().optional(),
  dhcp6: z.boolean().optional(),
  'accept-ra': z.boolean().optional(),
  addresses: z.array(z.string()).optional(),
});
const networkV2 = z
  .looseObject({ version: z.literal(2), ethernets: z.record(z.string(), ethernet).optional() })
  .transform(({ ethernets = {} }) =>
    Object.entries(ethernets).map(([name, each]): Ethernet => ({
      name,
      mac: each.match?.macaddress,
      addresses: each.addresses ?? [],
      dhcp4: each.dhcp4 === true,
      automatic6: each.dhcp6 === true || each['accept-ra'] === true,
    })),
  );
const either = z.union([networkV1, networkV2]);
const wrapped = z.union([z.looseObject({ network: either }).transform(({ network }) => network), either]);

export interface Device {
  readonly index: string;
  readonly mac: string;
}

/** The net devices of a guest, in order. */
export function netDevices(guest: Guest): readonly Device[] {
  return [...guest.config]
    .filter(([key]) => /^net\d+$/.test(key))
    .map(([key, value]) => ({ index: key.slice(3), mac: optionProperties(key, value)['macaddr'] ?? '' }))
    .sort((a, b) => Number(a.index) - Number(b.index));
}

const bytesOf = (mac: string): readonly number[] => [
  ...createHash('sha1').update(mac.toLowerCase()).digest(),
];

/** The address that a DHCP server would lease to this MAC: always the same. */
export function leasedAddress(mac: string): string {
  const [a = 0, b = 0] = bytesOf(mac);
  return `10.20.${a}.${1 + (b % 254)}/16`;
}

export function globalAddress6(mac: string): string {
  const [a = 0, b = 0, c = 0] = bytesOf(mac);
  return `2001:db8:20::${((a << 8) | b).toString(16)}:${(c + 1).toString(16)}/64`;
}

/** The link-local address of an IPv6 interface. */
export function linkLocal(mac: string): string {
  const bytes = mac.split(':').map((part) => parseInt(part, 16));
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  const hex = (high: number, low: number): string => ((high << 8) | low).toString(16);
  return `fe80::${hex(a ^ 2, b)}:${hex(c, 0xff)}:${hex(0xfe, d)}:${hex(e, f)}/64`;
}

/** `network-config` of an attached NoCloud image, if there is one. */
function noCloudConfig(world: World, guest: Guest): readonly Ethernet[] | undefined {
  for (const drive of drivesOf(guest.config)) {
    const data = isCdrom(drive) ? world.storage.find(drive.file, guest.node)?.data : undefined;
    const file = data && readIso(data).get('network-config');
    const parsed = file && wrapped.safeParse(parse(file.toString('utf8')));
    if (parsed && parsed.success) return parsed.data;
  }
  return undefined;
}

function fromNoCloud(config: readonly Ethernet[], device: Device): readonly string[] {
  const byMac = config.find(({ mac }) => mac?.toLowerCase() === device.mac.toLowerCase());
  const found = byMac ?? config.find(({ name }) => name === `eth${device.index}`);
  if (!found) return [];
  return [
    ...found.addresses,
    ...(found.dhcp4 ? [leasedAddress(device.mac)] : []),
    ...(found.automatic6 ? [globalAddress6(device.mac)] : []),
  ];
}

/** Without settings, an operating system gets both kinds of addresses; with settings, those that they ask for, as from an image. */
function fromOptions(guest: Guest, device: Device): readonly string[] {
  const { ip, ip6 } = ipconfigOf(guest, device.index);
  if (ip === undefined && ip6 === undefined) return [leasedAddress(device.mac), globalAddress6(device.mac)];
  const v4 = ip === 'dhcp' ? leasedAddress(device.mac) : ip;
  const v6 = ip6 === 'dhcp' || ip6 === 'auto' ? globalAddress6(device.mac) : ip6;
  return [v4, v6].filter((address) => address !== undefined);
}

/** The addresses that the guest's operating system configures when it boots, by MAC. */
export function guestAddresses(world: World, guest: Guest): Map<string, readonly string[]> {
  const config = noCloudConfig(world, guest);
  return new Map(
    netDevices(guest).map((device) => [
      device.mac,
      config ? fromNoCloud(config, device) : fromOptions(guest, device),
    ]),
  );
}
