/** The devices of a VM's networks. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { Guest, GuestConfig, Nic } from '../../shared/guests/model.ts';
import type { Desired, DesiredNic } from '../model/desired.ts';
import { assignDevices, derivedMac, nicsOf } from './nics.ts';

/** Names of networks with the device that status recorded for them. A device has one name. */
export function recordedDevices({ status }: VirtualMachine): ReadonlyMap<string, string> {
  const all = [...(status?.internal?.networks ?? []), ...(status?.networks ?? [])];
  const names = new Map(
    all.flatMap(({ name, device }) => (name === undefined ? [] : [[device, name] as const])),
  );
  return new Map([...names].map(([device, name]) => [name, device]));
}

export const devicesOf = (
  vm: VirtualMachine,
  want: Desired,
  config: GuestConfig,
): ReadonlyMap<string, string> => {
  const nics = want.exists ? (want.nics ?? []) : [];
  return assignDevices(
    nics.map(({ name }) => name),
    recordedDevices(vm),
    foreignDevices(vm, nics, config),
  );
};

/**
 * NICs that somebody added to a VM whose networks have their devices: no other network takes their place. A NIC with the
 * MAC of a network is that network's. The first networks of a VM take the NICs that it has, in order.
 */
function foreignDevices(
  vm: VirtualMachine,
  nics: readonly DesiredNic[],
  config: GuestConfig,
): ReadonlySet<string> {
  const recorded = new Set([...recordedDevices(vm).values(), ...originalDevices(vm)]);
  if (vm.status?.createdAt === undefined || recorded.size === 0) return new Set();
  const macs = new Set(nics.flatMap(({ mac }) => mac?.toUpperCase() ?? []));
  const isForeign = ({ device, mac = '' }: Nic): boolean =>
    !recorded.has(device) && mac !== derivedMac(vm.metadata.uid, device) && !macs.has(mac);
  return new Set(
    nicsOf(config)
      .filter(isForeign)
      .map(({ device }) => device),
  );
}

/**
 * Interfaces that are removed unless the spec lists them: ours, and those that a guest of ours was made with. Those that
 * an adopted guest had, or that somebody added, stay.
 */
export function surplusDevices(vm: VirtualMachine, config: GuestConfig): readonly string[] {
  return isMade(vm) && vm.status?.createdAt === undefined
    ? nicsOf(config).map(({ device }) => device)
    : [...formerDevices(vm), ...originalDevices(vm)];
}

/** By us: it was not adopted. */
const isMade = ({ status }: VirtualMachine): boolean =>
  status?.cloneType !== undefined && status.adopted !== true;

const originalDevices = ({ status }: VirtualMachine): readonly string[] =>
  status?.internal?.originalNics ?? [];

/** The interfaces that a guest of ours was made with, as status keeps them. */
export function originalAfter(vm: VirtualMachine, config: GuestConfig | undefined): readonly string[] {
  if (!config) return originalDevices(vm);
  if (!isMade(vm)) return [];
  const devices = nicsOf(config).map(({ device }) => device);
  return vm.status?.createdAt === undefined
    ? devices
    : originalDevices(vm).filter((device) => devices.includes(device));
}

/** Interfaces that stay although the spec does not list them: a sentence. */
export function surplusNics(vm: VirtualMachine, want: Desired, { config }: Pick<Guest, 'config'>): string[] {
  if (!want.exists || want.nics === undefined) return [];
  const known = new Set([...devicesOf(vm, want, config).values(), ...surplusDevices(vm, config)]);
  const others = nicsOf(config).filter(({ device }) => !known.has(device));
  if (others.length === 0) return [];
  const list = others.map(({ device, bridge }) => `${device} (${bridge ?? 'no bridge'})`).join(', ');
  return [
    `The VM has network interfaces that spec.networks does not list: ${list}. The operator did not add them, so they stay. Add them to spec.networks, or remove them in Proxmox VE.`,
  ];
}

/** Devices that status records: the operator may remove them when their network leaves the spec. */
export const formerDevices = (vm: VirtualMachine): readonly string[] => [...recordedDevices(vm).values()];
