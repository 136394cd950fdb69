/**
 * `status.internal.networks`: the interfaces and settings that are ours. They are recorded before they are written, so
 * that they are removed with their fields however soon these leave the spec. Pure.
 */
import { parseNic, property } from '../../../src/pve/index.ts';
import type { VirtualMachine, VirtualMachineInternal } from '../../../src/api/index.ts';
import type { Guest, GuestConfig } from '../../shared/guests/model.ts';
import type { ConfigChange } from '../model/config.ts';
import type { Desired, DesiredNic } from '../model/desired.ts';
import { devicesOf, recordedDevices } from './devices.ts';
import { recordedSettings } from './settings.ts';

type Wanted = Extract<Desired, { exists: true }>;
type NicRecord = NonNullable<VirtualMachineInternal['networks']>;

const settingsOf = ({ settings = {} }: DesiredNic): readonly string[] => Object.keys(settings);

const isHeld = ({ held }: Wanted, { name }: { readonly name: string }): boolean =>
  held?.nics.includes(name) ?? false;

/** The change writes an interface that is not recorded as it is to be. */
export function writesUnrecorded(
  vm: VirtualMachine,
  want: Wanted,
  {
    change,
    config,
  }: { readonly change: Pick<ConfigChange, 'set'> | undefined; readonly config: GuestConfig },
): boolean {
  if (!Object.keys(change?.set ?? {}).some((key) => /^net\d+$/.test(key))) return false;
  const devices = devicesOf(vm, want, config);
  const [known, settings] = [recordedDevices(vm), recordedSettings(vm)];
  return (want.nics ?? []).some((nic) => {
    const device = devices.get(nic.name);
    if (device === undefined || isHeld(want, nic)) return false;
    const recorded = settings.get(device) ?? [];
    return known.get(nic.name) !== device || !settingsOf(nic).every((key) => recorded.includes(key));
  });
}

/**
 * As it is after a pass.
 * @param extend adds what the spec asks for: only in a report that is stored before anything is written
 */
export function nicRecordAfter(
  vm: VirtualMachine,
  want: Desired,
  { guest, extend }: { readonly guest: Guest | undefined; readonly extend: boolean },
): NicRecord {
  const before = vm.status?.internal?.networks ?? [];
  if (!want.exists) return before;
  const devices = devicesOf(vm, want, guest?.config ?? {});
  const desired = (want.nics ?? []).flatMap((nic) => {
    const device = devices.get(nic.name);
    return device === undefined ? [] : [{ name: nic.name, device, settings: settingsOf(nic) }];
  });
  const kept = before.flatMap(({ name, device, settings = [] }) => {
    const wanted = desired.find((each) => each.device === device);
    if (wanted?.name !== name && !hasDevice(guest, device)) return [];
    const still = settings.filter((key) => wanted?.settings.includes(key) || hasSetting(guest, device, key));
    return [{ name, device, settings: still }];
  });
  const added = extend ? desired.filter((nic) => !isHeld(want, nic)) : [];
  const all = [...new Set([...kept, ...added].map(({ device }) => device))].map((device) => {
    const [ours, wanted] = [kept, added].map((list) => list.find((each) => each.device === device));
    const settings = [...new Set([...(ours?.settings ?? []), ...(wanted?.settings ?? [])])];
    return { name: wanted?.name ?? ours?.name ?? '', device, ...(settings.length > 0 && { settings }) };
  });
  return all.slice(0, MAX_NETWORKS);
}

// Limit of the schema of the status.
const MAX_NETWORKS = 32;

/** Now or until its next start. While it cannot be read, it is assumed. */
const valuesOf = ({ config, pending }: Guest, device: string): string[] => [
  ...[config[device]].flatMap((text) => text ?? []),
  ...pending.flatMap(({ key, current }) => (key === device && current !== undefined ? [current] : [])),
];

const hasDevice = (guest: Guest | undefined, device: string): boolean =>
  guest === undefined || valuesOf(guest, device).length > 0;

const hasSetting = (guest: Guest | undefined, device: string, key: string): boolean =>
  guest === undefined ||
  valuesOf(guest, device).some((text) => property(parseNic(text).properties, key) !== undefined);
