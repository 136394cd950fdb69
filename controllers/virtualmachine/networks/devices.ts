/** The devices of a VM's networks. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { Desired } from '../model/desired.ts';
import { assignDevices } from './nics.ts';

/** Names of networks with the device that status recorded for them. */
export const recordedDevices = (vm: VirtualMachine): ReadonlyMap<string, string> =>
  new Map(
    (vm.status?.networks ?? []).flatMap(({ name, device }) =>
      name === undefined ? [] : [[name, device] as const],
    ),
  );

export const devicesOf = (vm: VirtualMachine, want: Desired): ReadonlyMap<string, string> =>
  assignDevices(want.exists ? (want.nics ?? []).map(({ name }) => name) : [], recordedDevices(vm));

/** Devices that status records: the operator may remove them when their network leaves the spec. */
export const formerDevices = (vm: VirtualMachine): readonly string[] => [...recordedDevices(vm).values()];
