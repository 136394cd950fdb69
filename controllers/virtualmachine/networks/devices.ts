/** Which device each network of a VM has. Pure. */
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

/** Devices that carried a network of ours: ours to remove when the network goes. */
export const formerDevices = (vm: VirtualMachine): readonly string[] => [...recordedDevices(vm).values()];
