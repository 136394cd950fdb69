/** Plans the delivery of cloud-init data: by PVE's cloud-init drive, by a NoCloud image, or not at all. Pure. */
import type { VirtualMachine, Reason } from '../../../src/api/index.ts';
import type { Digest } from '../../../src/lib/hash.ts';
import {
  cloudInitImage,
  requiredMode,
  imageName,
  unsetNativeKeys,
  nativeKeys,
  noCloudFiles,
  type CloudInitInput,
} from '../../../src/cloudinit/index.ts';
import { changedParts, digestsOf } from './delivered-digests.ts';
import { devicesOf } from '../networks/devices.ts';
import { cloudInitDrives, rootDiskOf } from '../../shared/guests/disks.ts';
import { mergeKeys, NO_KEYS, type Keys } from '../../shared/guests/keys.ts';
import { isNew } from '../config/is-new.ts';
import type { Guest, GuestConfig } from '../../shared/guests/model.ts';
import type { CloudInitMode, CloudInitPlan, DeliveryHistory, WithCloudInit } from '../model/cloud-init.ts';
import type { DesiredCloudInit } from '../model/desired.ts';
import type { StorageFacts } from '../model/surroundings.ts';
import { cloudInitNics } from './nics.ts';

/** The device of the cloud-init drive. */
const DRIVE = 'ide2';
/** The template's user settings, kept unless the VM has its own data. */
const USER_KEYS = ['ciuser', 'cipassword', 'sshkeys', 'cicustom'];

const planWithout = (mode: CloudInitMode, keys: Keys = NO_KEYS): CloudInitPlan => ({
  mode,
  keys,
  build: () => new Uint8Array(),
});

const planProblem = (reason: Reason, message: string): CloudInitPlan => ({
  ...planWithout('None'),
  problem: { reason, message },
});

export interface CloudInitContext {
  readonly digest: Digest;
  readonly isoStorage: string | undefined;
  readonly storages: readonly StorageFacts[];
}

export function planCloudInit(
  vm: VirtualMachine,
  want: WithCloudInit,
  guest: Guest,
  context: CloudInitContext,
): CloudInitPlan {
  const history = historyOf(vm, want, guest, context.digest);
  return { ...planData(vm, want, guest, { context, history }), ...history };
}

function historyOf(vm: VirtualMachine, want: WithCloudInit, guest: Guest, digest: Digest): DeliveryHistory {
  const { deliveredDigests: before, instanceRevision = 0 } = vm.status?.internal?.cloudInit ?? {};
  const digests = digestsOf(want, digest);
  const changed = isNew(vm, guest) ? [] : changedParts(before, digests);
  const renews = changed.length > 0 && want.cloudInit.onChange === 'NextBoot';
  return { digests, changed, renews, instance: renews ? instanceRevision + 1 : instanceRevision };
}

/** Whether the data is to be delivered again. */
export const renewsCloudInit = (
  vm: VirtualMachine,
  want: WithCloudInit,
  guest: Guest,
  digest: Digest,
): boolean => historyOf(vm, want, guest, digest).renews;

interface Planning {
  readonly context: CloudInitContext;
  readonly history: DeliveryHistory;
}

function planData(vm: VirtualMachine, want: WithCloudInit, guest: Guest, planning: Planning): CloudInitPlan {
  const { snippet } = want.cloudInit;
  const drives = cloudInitDrives(guest.config);
  const hasOwnData = hasData(want.cloudInit);
  if (!hasOwnData && want.nics === undefined && drives.length === 0) return planWithout('None');
  // Parsing the data is expensive, so it is skipped if nothing can change.
  if (hadImage(vm, guest) && planning.history.changed.length === 0) return planWithout('Image');
  const input = inputOf(vm, want, guest.config, planning.history.instance);
  const mode = requiredMode(input);
  if ('problem' in mode) return planProblem('CloudInitInvalid', mode.problem);
  if (mode.value === 'Image' || hadImage(vm, guest)) return imagePlan(vm, guest, input, planning);
  const native = nativeKeys(input);
  if ('problem' in native) return planProblem('CloudInitInvalid', native.problem);
  const keys =
    snippet === undefined
      ? hasOwnData
        ? native.value
        : withoutUserKeys(native.value)
      : withSnippet(native.value, snippet);
  return planWithout('Native', mergeKeys(keys, nativeDrive(guest.config, drives)));
}

/** Whether the guest has the instance-id of an image: PVE's drive would change it, and the guest would count as a new instance. */
const hadImage = (vm: VirtualMachine, guest: Guest): boolean =>
  vm.status?.internal?.cloudInit?.mode === 'Image' && !isNew(vm, guest);

const hasData = ({ sshKeys, onChange: _onChange, ...texts }: DesiredCloudInit): boolean =>
  sshKeys.length > 0 || Object.values(texts).some((text) => text !== undefined);

/** PVE uses the snippet as user-data and adds nothing to it. */
const withSnippet = (keys: Keys, snippet: string): Keys => ({
  set: { ...keys.set, cicustom: `user=${snippet}` },
  delete: keys.delete.filter((key) => key !== 'cicustom'),
});

const withoutUserKeys = (keys: Keys): Keys => ({
  set: Object.fromEntries(Object.entries(keys.set).filter(([key]) => !USER_KEYS.includes(key))),
  delete: keys.delete.filter((key) => !USER_KEYS.includes(key)),
});

/** The drive is created on the storage of the root disk. A guest has at most one. */
function nativeDrive(config: GuestConfig, drives: readonly string[]): Keys {
  const storage = rootDiskOf(config)?.storage;
  return drives.length > 0 || storage === undefined
    ? NO_KEYS
    : { set: { [DRIVE]: `${storage}:cloudinit` }, delete: [] };
}

function inputOf(
  vm: VirtualMachine,
  want: WithCloudInit,
  config: GuestConfig,
  instance: number,
): CloudInitInput {
  const { uid } = vm.metadata;
  return {
    instanceId: instance === 0 ? uid : `${uid}-${instance}`,
    hostname: want.name.split('.')[0] ?? want.name,
    ...want.cloudInit,
    nics: cloudInitNics(want.nics ?? [], {
      uid: vm.metadata.uid,
      devices: devicesOf(vm, want),
      config,
    }),
  };
}

function imagePlan(
  vm: VirtualMachine,
  guest: Guest,
  input: CloudInitInput,
  { context, history }: Planning,
): CloudInitPlan {
  const files = noCloudFiles(input);
  if ('problem' in files)
    return planProblem(input.ignition === undefined ? 'CloudInitInvalid' : 'IgnitionInvalid', files.problem);
  if (!isNew(vm, guest) && !history.renews) return planWithout('Image');
  const storage = isoStorageFor(guest.node, context);
  if (typeof storage === 'object') return planProblem(storage.reason, storage.message);
  const filename = imageName(context.digest, guest.vmid, { uid: vm.metadata.uid, files: files.value });
  const volume = `${storage}:iso/${filename}`;
  const others = cloudInitDrives(guest.config).filter((device) => device !== DRIVE);
  return {
    mode: 'Image',
    keys: mergeKeys(unsetNativeKeys, { set: { [DRIVE]: `${volume},media=cdrom` }, delete: others }),
    seed: {
      volume,
      storage,
      filename,
      recorded: vm.status?.internal?.cloudInit?.volume === volume,
      uploaded: false,
    },
    build: () => cloudInitImage(files.value),
  };
}

/** The Provider's choice, else a shared storage, which lets the guest move; else one of the node's own. */
function isoStorageFor(
  node: string,
  { isoStorage, storages }: CloudInitContext,
): string | NonNullable<CloudInitPlan['problem']> {
  const usable = storages.filter(
    (s) => s.node === node && s.status === 'available' && s.content.includes('iso'),
  );
  const [best] = usable
    .filter((s) => isoStorage === undefined || s.storage === isoStorage)
    .toSorted((a, b) => Number(b.shared) - Number(a.shared) || a.storage.localeCompare(b.storage));
  if (best) return best.storage;
  return {
    reason: 'NoIsoStorage',
    message:
      `The user-data requires an image, but ${isoStorage === undefined ? `node ${node} has no available storage` : `storage ${isoStorage} is not available on node ${node}`} with content type "iso". ` +
      `Add "iso" to the content types of a storage of that node (pvesm set STORAGE --content …,iso), or set spec.defaults.isoStorage of the Provider to another storage.`,
  };
}

/** Whether the guest has everything that the plan delivers. */
export function isDelivered({ mode, keys, seed }: Omit<CloudInitPlan, 'build'>, { config }: Guest): boolean {
  if (mode === 'Image') return seed !== undefined && config[DRIVE]?.startsWith(`${seed.volume},`) === true;
  return (
    Object.entries(keys.set).every(([key, value]) => key === DRIVE || config[key] === String(value)) &&
    keys.delete.every((key) => config[key] === undefined)
  );
}

/** Settings of PVE's drive that differ from the plan because somebody changed them. */
export const alteredKeys = ({ mode, keys }: CloudInitPlan, config: GuestConfig): readonly string[] =>
  mode === 'Native'
    ? Object.entries(keys.set)
        .filter(([key, value]) => key !== DRIVE && config[key] !== undefined && config[key] !== String(value))
        .map(([key]) => key)
    : [];
