/** The devices of a VM's networks. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { GuestConfig, Nic } from '../../shared/guests/model.ts';
import type { Desired, DesiredNic } from '../model/desired.ts';
import { assignDevices, derivedMac, nicsOf } from './nics.ts';

/** Names of networks with the device that status recorded for them. */
export const recordedDevices = (vm: VirtualMachine): ReadonlyMap<string, string> =>
  new Map(
    (vm.status?.networks ?? []).flatMap(({ name, device }) =>
      name === undefined ? [] : [[name, device] as const],
    ),
  );

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
  const recorded = new Set(recordedDevices(vm).values());
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

/** Devices that status records: the operator may remove them when their network leaves the spec. */
export const formerDevices = (vm: VirtualMachine): readonly string[] => [...recordedDevices(vm).values()];
