/** The NICs of a guest with what the spec says of them: what status shows, and remembers. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { devicesOf, recordedDevices } from './devices.ts';
import type { Guest, GuestConfig } from '../../shared/guests/model.ts';
import type { Desired } from '../model/desired.ts';
import { nicsOf } from './nics.ts';
import { recordedSettings, settingsToRecord } from './settings.ts';
import type { NamedNic } from '../model/facts.ts';

/** The configuration with the NICs whose removal waits for a restart: the guest has them until then. */
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
  const current = devicesOf(vm, want);
  // A device whose network left the spec keeps its name until it is gone: that is how it is known to be ours to remove.
  const names = new Map([...recordedDevices(vm), ...current].map(([name, device]) => [device, name]));
  const recorded = recordedSettings(vm);
  const desired = new Map(
    (want.exists ? (want.nics ?? []) : []).map((desired) => [current.get(desired.name), desired] as const),
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
