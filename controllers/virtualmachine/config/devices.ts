/**
 * Devices of nodes by resource mapping, as PVE's keys. A list in the spec is complete: mapped devices that it lacks are
 * removed. Devices that are named by their address are never touched, because only root@pam may set them. Pure.
 */
import {
  parseProperties,
  printProperties,
  property,
  withProperty,
  type PropertyString,
} from '../../../src/pve/index.ts';
import type { VirtualMachineSpec } from '../../../src/api/index.ts';
import type { Keys } from '../../shared/guests/keys.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';
import type { DeviceKey } from '../model/config.ts';
import type { DesiredDevice } from '../model/desired.ts';

/** The key of a kind of device, and how many PVE has. */
const SLOTS = { pci: { key: 'hostpci', count: 16 }, usb: { key: 'usb', count: 14 } } as const;

export const isDeviceKey = (key: string): key is DeviceKey => /^(hostpci|usb)\d+$/.test(key);

type Device = NonNullable<VirtualMachineSpec['devices']>[number];

const flag = (value: boolean | undefined): string | undefined =>
  value === undefined ? undefined : value ? '1' : '0';

export const desiredDevice = ({ pciMapping, usbMapping, pcie, primaryGPU, usb3 }: Device): DesiredDevice =>
  pciMapping === undefined
    ? { kind: 'usb', mapping: usbMapping ?? '', flags: { usb3: flag(usb3) } }
    : { kind: 'pci', mapping: pciMapping, flags: { pcie: flag(pcie), 'x-vga': flag(primaryGPU) } };

const mappingOf = (text: string): string | undefined => property(parseProperties(text), 'mapping');

/** Devices that a guest has by resource mapping. */
export const mappedDevices = (
  config: GuestConfig,
): { readonly device: DeviceKey; readonly mapping: string }[] =>
  Object.keys(config)
    .filter(isDeviceKey)
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .flatMap((device) => {
      const mapping = mappingOf(config[device] ?? '');
      return mapping === undefined ? [] : [{ device, mapping }];
    });

export function deviceKeys(wanted: readonly DesiredDevice[], config: GuestConfig): Keys {
  const set: Record<string, string> = {};
  const taken = new Set<string>();
  const found = wanted.map((device) => {
    const key = slotWith(device, config, taken);
    if (key !== undefined) taken.add(key);
    return { device, key };
  });
  for (const { device, key = freeSlot(device, config, taken) } of found) {
    if (key === undefined) continue;
    taken.add(key);
    const text = textOf(device, config[key]);
    if (text !== config[key]) set[key] = text;
  }
  const surplus = mappedDevices(config).filter(({ device }) => !taken.has(device));
  return { set, delete: surplus.map(({ device }) => device) };
}

const slotsOf = ({ kind }: DesiredDevice): readonly string[] =>
  Array.from({ length: SLOTS[kind].count }, (_, index) => `${SLOTS[kind].key}${index}`);

/** Where the guest has the device already. */
const slotWith = (
  device: DesiredDevice,
  config: GuestConfig,
  taken: ReadonlySet<string>,
): string | undefined =>
  slotsOf(device).find((key) => !taken.has(key) && mappingOf(config[key] ?? '') === device.mapping);

const freeSlot = (
  device: DesiredDevice,
  config: GuestConfig,
  taken: ReadonlySet<string>,
): string | undefined => slotsOf(device).find((key) => !taken.has(key) && config[key] === undefined);

/** Properties that the spec does not name stay. */
function textOf({ mapping, flags }: DesiredDevice, current: string | undefined): string {
  const now: PropertyString =
    current === undefined ? [{ key: 'mapping', value: mapping }] : parseProperties(current);
  const differing = Object.entries(flags).filter(
    ([name, value]) => value !== undefined && (property(now, name) ?? '0') !== value,
  );
  const next = differing.reduce<PropertyString>(
    (all, [name, value]) => withProperty(all, name, value === '0' ? undefined : value),
    now,
  );
  return printProperties(next);
}
