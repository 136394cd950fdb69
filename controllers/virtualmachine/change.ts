/** What must be written to a guest's configuration so that it equals the wish: only keys that differ. Pure. */
import type { VirtualMachine } from '../../src/api/index.ts';
import { formatQuantity } from '../../src/lib/quantity.ts';
import { cloudInitDiffers, type CloudInitPlan } from './cloud-init-plan.ts';
import { devicesOf, formerDevices } from './devices.ts';
import { rootDiskOf } from './disks.ts';
import {
  firmwareDifferences,
  hardwareAtCreation,
  hardwareLater,
  mergeKeys,
  NO_KEYS,
  smbiosUuidOf,
  type Keys,
} from './hardware.ts';
import type { ConfigChange, Desired, Guest } from './model.ts';
import { nicChanges, nicsOf } from './networks.ts';
import { recordedSettings } from './nic-settings.ts';
import type { CpuRoom } from './size.ts';

type Wanted = Extract<Desired, { exists: true }>;

export interface ChangeContext extends CpuRoom {
  /** Absent: not known, and not needed by a guest that was configured. */
  readonly cloudInit: CloudInitPlan | undefined;
}

/**
 * A guest as our clone left it: its SMBIOS UUID is set with its first configuration. One that was adopted, or whose
 * UUID somebody changed later, is not made anew: its network, user and firmware are its own.
 */
export function isNew(vm: VirtualMachine, guest: Guest): boolean {
  const { uid } = vm.metadata;
  const { cloneType, uuid } = vm.status ?? {};
  return cloneType !== undefined && uuid !== uid && smbiosUuidOf(guest.config) !== uid && !guest.running;
}

export function configChange(
  vm: VirtualMachine,
  want: Wanted,
  guest: Guest,
  { cloudInit, ...room }: ChangeContext,
): ConfigChange | undefined {
  const fresh = isNew(vm, guest);
  const nics = nicKeys(vm, want, guest, fresh);
  if (!fresh) return nonEmpty(mergeKeys(hardwareLater(want, guest, room), nics));
  if (!cloudInit) return undefined;
  if (cloudInit.problem) return { ...NO_KEYS, seedProblem: cloudInit.problem };
  const keys = mergeKeys(hardwareAtCreation(want, guest.config, room), nics, cloudInit.keys);
  const change = nonEmpty(onlyDifferent(keys, guest));
  return change && { ...change, ...(cloudInit.seed && { seed: cloudInit.seed }) };
}

function nicKeys(vm: VirtualMachine, want: Wanted, guest: Guest, fresh: boolean): Keys {
  if (want.nics === undefined) return NO_KEYS;
  const surplus = fresh ? nicsOf(guest.config).map(({ device }) => device) : formerDevices(vm);
  return nicChanges(want.nics, guest.config, want.owner.uid, {
    devices: devicesOf(vm, want),
    surplus,
    given: recordedSettings(vm),
  });
}

const onlyDifferent = (keys: Keys, { config }: Guest): Keys => ({
  set: Object.fromEntries(Object.entries(keys.set).filter(([key, value]) => config[key] !== String(value))),
  delete: keys.delete.filter((key) => config[key] !== undefined),
});

const nonEmpty = (keys: Keys): ConfigChange | undefined =>
  Object.keys(keys.set).length + keys.delete.length > 0 ? keys : undefined;

/** What differs from the spec and stays so: a sentence each, with what to do. */
export function differencesOf(
  vm: VirtualMachine,
  want: Wanted,
  guest: Guest,
  cloudInit: CloudInitPlan | undefined,
): string[] {
  if (isNew(vm, guest)) return [];
  const disk = rootDiskOf(guest.config);
  const shrunk = want.rootDisk !== undefined && disk?.size !== undefined && want.rootDisk < disk.size;
  return [
    ...(shrunk
      ? [
          `The root disk has ${formatQuantity(disk.size)}, the spec says ${formatQuantity(want.rootDisk)}: Proxmox VE grows disks but never shrinks them.`,
        ]
      : []),
    ...firmwareDifferences(want, guest.config),
    ...(want.cloudInit === undefined
      ? [
          'A Secret with user-data or SSH keys is missing. The VM has read it already; whether it changed is not known.',
        ]
      : []),
    ...(cloudInit?.problem ? [cloudInit.problem.message] : []),
    ...(cloudInit && cloudInitDiffers(vm, cloudInit, guest.config)
      ? [
          'User-data, SSH keys or addresses changed after the VM was made: cloud-init reads them at the first boot only, so they take effect in a new VM.',
        ]
      : []),
  ];
}
