import { createHash } from 'node:crypto';
import { parse } from 'yaml';
import { z } from 'zod';
import { drivesOf, isCdrom } from './drives.ts';
import { ipconfigOf } from './cloudinit.ts';
import { optionProperties } from './guest.ts';
import { readIso } from './iso9660.ts';
import type { Guest } from './guest.ts';
import type { World } from './world.ts';

const ethernet = z.looseObject({
  match: z.looseObject({ macaddress: z.string().optional() }).optional(),
  dhcp4: z.boolean().optional(),
  dhcp6: z.boolean().optional(),
  'accept-ra': z.boolean().optional(),
  addresses: z.array(z.string()).optional(),
});
const networkV2 = z.looseObject({
  version: z.literal(2),
  ethernets: z.record(z.string(), ethernet).optional(),
});
const wrapped = z.union([
  z.looseObject({ network: networkV2 }).transform(({ network }) => network),
  networkV2,
]);

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
function noCloudConfig(world: World, guest: Guest): z.output<typeof networkV2> | undefined {
  for (const drive of drivesOf(guest.config)) {
    const data = isCdrom(drive) ? world.storage.find(drive.file, guest.node)?.data : undefined;
    const file = data && readIso(data).get('network-config');
    const parsed = file && wrapped.safeParse(parse(file.toString('utf8')));
    if (parsed && parsed.success) return parsed.data;
  }
  return undefined;
}

function fromNoCloud(config: z.output<typeof networkV2>, device: Device): readonly string[] {
  const entries = Object.entries(config.ethernets ?? {});
  const byMac = entries.find(
    ([, { match }]) => match?.macaddress?.toLowerCase() === device.mac.toLowerCase(),
  );
  const found = (byMac ?? entries.find(([name]) => name === `eth${device.index}`))?.[1];
  if (!found) return [];
  const { addresses = [], dhcp4, dhcp6, 'accept-ra': announced } = found;
  return [
    ...addresses,
    ...(dhcp4 ? [leasedAddress(device.mac)] : []),
    ...(dhcp6 || announced ? [globalAddress6(device.mac)] : []),
  ];
}

/** Without cloud-init, an operating system uses DHCP. */
function fromOptions(guest: Guest, device: Device): readonly string[] {
  const { ip, ip6 } = ipconfigOf(guest, device.index);
  const v4 = ip === 'dhcp' || (ip === undefined && ip6 === undefined) ? leasedAddress(device.mac) : ip;
  const v6 = ip6 === 'dhcp' || ip6 === 'auto' ? globalAddress6(device.mac) : ip6;
  return [v4, v6 ?? (v4 === ip ? undefined : globalAddress6(device.mac))].filter(
    (address) => address !== undefined,
  );
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
