/** What must be written to a guest's configuration so that it is as desired: only keys that differ. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { CloudInitPlan } from '../model/cloud-init.ts';
import { cpuTypeKeys } from './cpu-type.ts';
import { devicesOf, formerDevices } from '../networks/devices.ts';
import { diskKeys } from '../disks/behaviour.ts';
import { hardwareAtCreation, hardwareLater } from './hardware.ts';
import { isNew } from './is-new.ts';
import { mergeKeys, NO_KEYS, type Keys } from '../../shared/guests/keys.ts';
import type { ConfigChange } from '../model/config.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Desired } from '../model/desired.ts';
import { nicChanges, nicsOf } from '../networks/nics.ts';
import { recordedSettings } from '../networks/settings.ts';
import { optionKeys } from './options.ts';
import type { CpuRoom } from './size.ts';

type Wanted = Extract<Desired, { exists: true }>;

export interface ChangeContext extends CpuRoom {
  /** Absent: not known, and not needed by a guest that was configured. */
  readonly cloudInit: CloudInitPlan | undefined;
  /** The template's tags may not be removed. */
  readonly keepTags?: boolean;
}

export function configChange(
  vm: VirtualMachine,
  want: Wanted,
  guest: Guest,
  { cloudInit, keepTags = false, ...room }: ChangeContext,
): ConfigChange | undefined {
  const fresh = isNew(vm, guest);
  const nics = nicKeys(vm, want, guest, fresh);
  const others = mergeKeys(
    cpuTypeKeys(want.cpuType, guest.config),
    optionKeys(want, guest.config),
    nics,
    diskKeys(vm, want, guest),
  );
  if (!fresh) return nonEmpty(mergeKeys(hardwareLater(want, guest, room), others));
  if (!cloudInit) return undefined;
  if (cloudInit.problem) return { ...NO_KEYS, seedProblem: cloudInit.problem };
  const keys = mergeKeys(hardwareAtCreation(want, guest.config, room), others, cloudInit.keys);
  const change = nonEmpty(onlyDifferent(keepTags ? withoutTags(keys) : keys, guest));
  if (!change) return undefined;
  return volumesFirst(change) ?? { ...change, ...(cloudInit.seed && { seed: cloudInit.seed }) };
}

/** `local-lvm:1,efitype=4m`, `local-lvm:cloudinit`: PVE makes a volume for it. */
const ALLOCATES = /^[^:,=]+:(\d+(\.\d+)?(,|$)|cloudinit(,|$))/;

const volumesIn = (set: Keys['set']): [string, string | number][] =>
  Object.entries(set).filter(([, value]) => ALLOCATES.test(String(value)));

/** Whether Proxmox VE makes a volume for it. */
export const allocates = ({ set }: Pick<Keys, 'set'>): boolean => volumesIn(set).length > 0;

/**
 * PVE writes key by key, in an order of its own, and stops at a volume that it cannot make (qemu-server, update_vm_api).
 * Were the SMBIOS UUID written by then, the guest would pass for configured and start without its cloud-init data. So
 * volumes are made in a write of their own, and the rest follows.
 */
function volumesFirst({ set, delete: gone }: Keys): ConfigChange | undefined {
  const volumes = volumesIn(set);
  return volumes.length > 0 ? { set: Object.fromEntries(volumes), delete: gone } : undefined;
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

const withoutTags = (keys: Keys): Keys => ({ ...keys, delete: keys.delete.filter((key) => key !== 'tags') });

export const onlyDifferent = (keys: Keys, { config }: Guest): Keys => ({
  set: Object.fromEntries(Object.entries(keys.set).filter(([key, value]) => config[key] !== String(value))),
  delete: keys.delete.filter((key) => config[key] !== undefined),
});

export const nonEmpty = (keys: Keys): ConfigChange | undefined =>
  Object.keys(keys.set).length + keys.delete.length > 0 ? keys : undefined;
