/** The plan for data that PVE's own cloud-init drive can express, and plans that deliver nothing. Pure. */
import type { Reason, VirtualMachine } from '../../../src/api/index.ts';
import { nativeKeys, type CloudInitInput } from '../../../src/cloudinit/index.ts';
import type { Result } from '../../../src/lib/result.ts';
import { cloudInitDrives, rootDiskOf } from '../../shared/guests/disks.ts';
import { mergeKeys, NO_KEYS, settingOnly, type Keys } from '../../shared/guests/keys.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { CloudInitMode, CloudInitPlan, WithCloudInit } from '../model/cloud-init.ts';
import { keeping, type Inheritance } from './inherited.ts';
import { driveSlot } from './slot.ts';

/** The user settings of the guest, kept unless the VM has its own data. */
const USER_KEYS = ['ciuser', 'cipassword', 'sshkeys', 'cicustom'];

export const planWithout = (mode: CloudInitMode, keys: Keys = NO_KEYS): CloudInitPlan => ({
  mode,
  keys,
  build: () => new Uint8Array(),
});

export const planProblem = (reason: Reason, message: string): CloudInitPlan => ({
  ...planWithout('None'),
  problem: { reason, message },
});

interface NativeInput {
  readonly input: CloudInitInput;
  readonly inheritance: Inheritance;
  readonly hasOwnData: boolean;
}

export function nativePlan(
  vm: VirtualMachine,
  want: WithCloudInit,
  guest: Guest,
  { input, inheritance, hasOwnData }: NativeInput,
): CloudInitPlan {
  const native = nativeKeys(want.nics === undefined ? { ...input, nics: inheritance.nics } : input);
  if ('problem' in native) return planProblem('CloudInitInvalid', native.problem);
  const drive = nativeDrive(vm, guest);
  if ('problem' in drive) return planProblem('NoCloudInitSlot', drive.problem);
  const inherits = keeping(native.value, inheritance);
  const own = hasOwnData ? inherits : withoutUserKeys(inherits);
  const { snippet } = want.cloudInit;
  const keys = snippet === undefined ? own : withSnippet(inherits, snippet);
  const { kept, dropped } = inheritance;
  return {
    ...planWithout('Native'),
    ...drive.value,
    keys: mergeKeys(keys, drive.value.keys),
    inherited: { kept, dropped },
  };
}

/** PVE uses the snippet as user-data and adds nothing to it. */
const withSnippet = (keys: Keys, snippet: string): Keys => ({
  set: { ...keys.set, cicustom: `user=${snippet}` },
  delete: keys.delete.filter((key) => key !== 'cicustom'),
});

const withoutUserKeys = (keys: Keys): Keys => ({
  ...settingOnly(keys, (key) => !USER_KEYS.includes(key)),
  delete: keys.delete.filter((key) => !USER_KEYS.includes(key)),
});

/** The drive is created on the storage of the root disk. A guest has at most one. */
function nativeDrive(vm: VirtualMachine, guest: Guest): Result<Pick<CloudInitPlan, 'keys' | 'device'>> {
  const storage = rootDiskOf(guest.config)?.storage;
  if (cloudInitDrives(guest.config).length > 0 || storage === undefined) return { value: { keys: NO_KEYS } };
  const slot = driveSlot(vm, guest);
  if ('problem' in slot) return slot;
  const device = slot.value;
  return { value: { keys: { set: { [device]: `${storage}:cloudinit` }, delete: [] }, device } };
}
