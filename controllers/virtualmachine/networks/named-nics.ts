/** The NICs of a guest with their names and settings from the spec, for status. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { devicesOf, recordedDevices } from './devices.ts';
import type { Guest, GuestConfig } from '../../shared/guests/model.ts';
import type { Desired } from '../model/desired.ts';
import { nicsOf } from './nics.ts';
import { recordedSettings, settingsToRecord } from './settings.ts';
import type { NamedNic } from '../model/facts.ts';

/** The configuration including NICs whose removal is pending: the guest has them until its next start. */
const withPendingRemovals = ({ config, pending }: Pick<Guest, 'config' | 'pending'>): GuestConfig =>
  Object.fromEntries([
    ...Object.entries(config),
    ...pending.flatMap(({ key, current, pending: next }) =>
      /^net\d+$/.test(key) && next === undefined && current !== undefined ? [[key, current] as const] : [],
    ),
  ]);

export function namedNics(
  vm: VirtualMachine,
  want: Desired,
  guest: Pick<Guest, 'config' | 'pending'>,
): NamedNic[] {
  const config = withPendingRemovals(guest);
  const current = devicesOf(vm, want, config);
  // A device whose network left the spec keeps its name in status until it is removed, so that the operator may remove it.
  const names = new Map([...recordedDevices(vm), ...current].map(([name, device]) => [device, name]));
  const recorded = recordedSettings(vm);
  const desired = new Map(
    (want.exists ? (want.nics ?? []) : []).map((nic) => [current.get(nic.name), nic] as const),
  );
  return nicsOf(config).map((nic) => ({
    ...nic,
    name: names.get(nic.device),
    settings: settingsToRecord(nic.device, desired.get(nic.device), {
      config,
      recorded: recorded.get(nic.device) ?? [],
    }),
  }));
}
