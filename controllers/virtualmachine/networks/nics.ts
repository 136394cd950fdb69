/** The networks of the spec as PVE's `net0`, `net1` … Pure. */
import { parseNic, parseProperties, printProperties, withProperty } from '../../../src/pve/index.ts';
import { sha256Hex } from '../../../src/lib/hash.ts';
import type { GuestConfig, Nic } from '../../shared/guests/model.ts';
import type { DesiredNic } from '../model/desired.ts';
import { canonical, withSettings } from './settings.ts';

const NET = /^net(\d+)$/;
const MAX_NET = 31;

const BRIDGE_NAMES: ReadonlyMap<string, string> = new Map([
  ['lan', 'vmbr0'],
  ['default', 'vmbr0'],
  ['dmz', 'vmbr1'],
  ['mgmt', 'vmbr2'],
  ['management', 'vmbr2'],
]);

/** The bridge for a well-known network name; `undefined` for any other name. */
export const bridgeNamed = (name: string): string | undefined =>
  /^vmbr/.test(name) ? name : BRIDGE_NAMES.get(name);

/** The guest's NICs in the order of their devices. */
export const nicsOf = (config: GuestConfig): Nic[] =>
  Object.keys(config)
    .filter((key) => NET.test(key))
    .toSorted((a, b) => Number(a.slice(3)) - Number(b.slice(3)))
    .map((device) => {
      const { model, mac, bridge, vlan } = parseNic(config[device] ?? '');
      return { device, model, mac, bridge, vlan };
    });

/**
 * Assigns a device to each network of the spec. A network keeps its recorded device, so that adding or removing a
 * network does not change the others. New ones get the lowest free device.
 *
 * @param foreign - devices of NICs that are not ours
 */
export function assignDevices(
  names: readonly string[],
  recorded: ReadonlyMap<string, string>,
  foreign: ReadonlySet<string> = new Set(),
): ReadonlyMap<string, string> {
  const assigned = new Map(
    names.flatMap((name) => {
      const device = recorded.get(name);
      return device === undefined ? [] : [[name, device] as const];
    }),
  );
  const used = new Set([...assigned.values(), ...foreign]);
  for (const name of names) {
    if (assigned.has(name)) continue;
    for (let n = 0; n <= MAX_NET; n += 1) {
      const device = `net${n}`;
      if (used.has(device)) continue;
      used.add(device);
      assigned.set(name, device);
      break;
    }
  }
  return new Map(
    names.flatMap((name) => {
      const device = assigned.get(name);
      return device === undefined ? [] : [[name, device] as const];
    }),
  );
}

/**
 * The value of one NIC: sets model, bridge, VLAN and settings, keeps the MAC address unless the spec names one, and
 * keeps other properties.
 *
 * @param recorded - settings that the spec had before
 */
export function nicText(
  desired: DesiredNic,
  current: string | undefined,
  freshMac: string,
  recorded: readonly string[] = [],
): string {
  const now = current === undefined ? undefined : parseNic(current);
  const model = desired.model ?? now?.model ?? 'virtio';
  const mac = (desired.mac ?? now?.mac ?? freshMac).toUpperCase();
  const others = (now?.properties ?? parseProperties('')).filter(
    ({ key }) => key !== undefined && key !== now?.model && key !== 'model' && key !== 'macaddr',
  );
  const owned = withProperty(
    withProperty(others, 'bridge', desired.bridge),
    'tag',
    desired.vlan === undefined ? undefined : String(desired.vlan),
  );
  return printProperties([{ key: model, value: mac }, ...withSettings(owned, desired, recorded)]);
}

/** Whether two values mean the same NIC, ignoring the order of properties. */
export function isSameNic(a: string, b: string): boolean {
  const canonicalForm = (text: string): string => {
    const { model, mac, properties } = parseNic(text);
    const others = properties.filter(
      ({ key }) => key !== undefined && key !== model && key !== 'model' && key !== 'macaddr',
    );
    return JSON.stringify([
      model,
      mac,
      others
        .map(canonical)
        .filter((each) => each !== undefined)
        .toSorted(),
    ]);
  };
  return canonicalForm(a) === canonicalForm(b);
}

/** A locally administered MAC address for a new NIC, the same each time for one object and device. */
export function derivedMac(uid: string, device: string): string {
  const octets = sha256Hex(`${uid}/${device}`).slice(0, 10).match(/../g) ?? [];
  return ['02', ...octets].join(':').toUpperCase();
}

export interface RecordedNics {
  readonly devices: ReadonlyMap<string, string>;
  /** Devices that may be removed. */
  readonly surplus: readonly string[];
  /** Settings that the spec had before, by device. */
  readonly recorded: ReadonlyMap<string, readonly string[]>;
}

/** The differences between the NICs of the spec and of the guest. */
export function nicChanges(
  desired: readonly DesiredNic[],
  config: GuestConfig,
  uid: string,
  { devices, surplus, recorded }: RecordedNics,
): { readonly set: Readonly<Record<string, string>>; readonly delete: readonly string[] } {
  const set: Record<string, string> = {};
  for (const nic of desired) {
    const device = devices.get(nic.name);
    if (device === undefined) continue;
    const current = config[device];
    const text = nicText(nic, current, derivedMac(uid, device), recorded.get(device));
    if (current === undefined || !isSameNic(current, text)) set[device] = text;
  }
  const kept = new Set(devices.values());
  return { set, delete: surplus.filter((device) => config[device] !== undefined && !kept.has(device)) };
}
