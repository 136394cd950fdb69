/** The devices of a VM's networks. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { Desired } from '../model/desired.ts';
import type { Guest } from '../../shared/guests/model.ts';
import { assignDevices, nicsOf } from './nics.ts';

/** Names of networks with the device that status recorded for them. A device has one name. */
export function recordedDevices({ status }: VirtualMachine): ReadonlyMap<string, string> {
  const all = [...(status?.internal?.networks ?? []), ...(status?.networks ?? [])];
  const names = new Map(
    all.flatMap(({ name, device }) => (name === undefined ? [] : [[device, name] as const])),
  );
  return new Map([...names].map(([device, name]) => [name, device]));
}

export const devicesOf = (vm: VirtualMachine, want: Desired): ReadonlyMap<string, string> =>
  assignDevices(want.exists ? (want.nics ?? []).map(({ name }) => name) : [], recordedDevices(vm));

/** We made the guest, so the list of the spec is complete. An adopted guest keeps the interfaces that it had. */
export const isMade = ({ status }: VirtualMachine): boolean =>
  status?.cloneType !== undefined && status.adopted !== true;

/** Interfaces of a guest that we did not make which the spec does not list: a sentence. */
export function surplusNics(vm: VirtualMachine, want: Desired, { config }: Pick<Guest, 'config'>): string[] {
  if (!want.exists || want.nics === undefined || isMade(vm)) return [];
  const known = new Set([...devicesOf(vm, want).values(), ...formerDevices(vm)]);
  const others = nicsOf(config).filter(({ device }) => !known.has(device));
  if (others.length === 0) return [];
  const list = others.map(({ device, bridge }) => `${device} (${bridge ?? 'no bridge'})`).join(', ');
  return [
    `The VM has network interfaces that spec.networks does not list: ${list}. The operator did not add them, so they stay. Add them to spec.networks, or remove them in Proxmox VE.`,
  ];
}

/** Devices that status records: the operator may remove them when their network leaves the spec. */
export const formerDevices = (vm: VirtualMachine): readonly string[] => [...recordedDevices(vm).values()];
