/** The configuration write that brings a guest to the desired state: only the keys that differ. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { CloudInitPlan } from '../model/cloud-init.ts';
import { copiedKeys } from './copied.ts';
import { bootKeys } from '../cdroms/boot.ts';
import { cdromKeys } from '../cdroms/drives.ts';
import { cpuTypeKeys } from './cpu-type.ts';
import { devicesOf, surplusDevices } from '../networks/devices.ts';
import { diskKeys } from '../disks/behaviour.ts';
import { hardwareAtCreation, hardwareLater } from './hardware.ts';
import { isNew } from './is-new.ts';
import { mergeKeys, nonEmpty, NO_KEYS, type Keys } from '../../shared/guests/keys.ts';
import type { ConfigChange } from '../model/config.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Desired } from '../model/desired.ts';
import { nicChanges } from '../networks/nics.ts';
import { recordedSettings } from '../networks/settings.ts';
import { knownHardware, knownKeys } from './versions.ts';
import { optionKeys } from './options.ts';
import type { CpuRoom } from './size.ts';

type Wanted = Extract<Desired, { exists: true }>;

export interface ChangeContext extends CpuRoom {
  /** Absent if it is not known, for example because a Secret is missing. A configured guest does not need it. */
  readonly cloudInit: CloudInitPlan | undefined;
  /** Keeps the template's tags, because PVE refused to remove them. */
  readonly keepTags?: boolean;
  /** Version of PVE on the guest's node. */
  readonly release?: string | undefined;
  /** Volumes that the guest's node does not have. */
  readonly missingVolumes?: readonly string[] | undefined;
}

export function configChange(
  vm: VirtualMachine,
  wanted: Wanted,
  guest: Guest,
  { cloudInit, keepTags = false, release, missingVolumes, ...room }: ChangeContext,
): ConfigChange | undefined {
  const want = knownHardware(wanted, release);
  const fresh = isNew(vm, guest);
  const nics = nicKeys(vm, want, guest);
  const cdroms = cdromKeys(vm, want, guest, missingVolumes);
  const others = mergeKeys(
    cpuTypeKeys(want.cpuType, guest.config),
    optionKeys(want, guest.config),
    nics,
    diskKeys(vm, want, guest),
    cdroms,
    // Interfaces of a guest that exists are written alone, and before that they cannot be in the order.
    bootKeys(vm, want, guest, { ...cdroms.set, ...(fresh && nics.set) }),
  );
  if (!fresh) return nonEmpty(mergeKeys(hardwareLater(want, guest, room), others));
  if (!cloudInit) return undefined;
  if (cloudInit.problem) return { ...NO_KEYS, seedProblem: cloudInit.problem };
  // What applies only to a guest that is off would be lost on one that runs (plan/rules/unconfigured.ts).
  if (guest.running) return undefined;
  const all = withCopied(
    vm,
    guest,
    mergeKeys(hardwareAtCreation(want, guest.config, room), others, cloudInit.keys),
  );
  const keys = knownKeys(all, release);
  const change = nonEmpty(onlyDifferent(keepTags ? withoutTags(keys) : keys, guest));
  if (!change) return undefined;
  if (guest.config['protection'] === '1') return UNPROTECT;
  return volumesFirst(change) ?? { ...change, ...(cloudInit.seed && { seed: cloudInit.seed }) };
}

/** What the spec sets is not removed. */
function withCopied(vm: VirtualMachine, guest: Guest, keys: Keys): Keys {
  const copied = copiedKeys(vm, guest);
  const all = mergeKeys(copied, keys);
  return { ...all, delete: all.delete.filter((key) => keys.set[key] === undefined) };
}

/**
 * The template's protection. PVE removes no drive from a protected guest, not even in the write that ends the protection
 * (qemu-server, update_vm_api), so this comes first. A protection that the spec asks for is set with all the rest.
 */
const UNPROTECT: ConfigChange = { set: {}, delete: ['protection'] };

/** Values for which PVE allocates a volume: `local-lvm:1,efitype=4m`, `local-lvm:cloudinit`. */
const ALLOCATES = /^[^:,=]+:(\d+(\.\d+)?(,|$)|cloudinit(,|$))/;

const volumesIn = (set: Keys['set']): [string, string | number][] =>
  Object.entries(set).filter(([, value]) => ALLOCATES.test(String(value)));

/** Whether PVE allocates a volume for the change. */
export const allocates = ({ set }: Pick<Keys, 'set'>): boolean => volumesIn(set).length > 0;

/**
 * PVE writes the keys in its own order and stops at a volume that it cannot allocate (qemu-server, update_vm_api). If
 * the SMBIOS UUID were already written, the guest would count as configured and start without cloud-init data. So the
 * first write only allocates volumes.
 */
function volumesFirst({ set, delete: removed }: Keys): ConfigChange | undefined {
  const volumes = volumesIn(set);
  return volumes.length > 0 ? { set: Object.fromEntries(volumes), delete: removed } : undefined;
}

function nicKeys(vm: VirtualMachine, want: Wanted, guest: Guest): Keys {
  if (want.nics === undefined) return NO_KEYS;
  return nicChanges(want.nics, guest.config, want.owner.uid, {
    devices: devicesOf(vm, want, guest.config),
    surplus: surplusDevices(vm, guest.config),
    recorded: recordedSettings(vm),
  });
}

const withoutTags = (keys: Keys): Keys => ({ ...keys, delete: keys.delete.filter((key) => key !== 'tags') });

export const onlyDifferent = (keys: Keys, { config }: Guest): Keys => ({
  set: Object.fromEntries(Object.entries(keys.set).filter(([key, value]) => config[key] !== String(value))),
  delete: keys.delete.filter((key) => config[key] !== undefined),
});
