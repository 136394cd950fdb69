/** How a guest gets its cloud-init data: by PVE's own drive, by an image of ours, or not at all. Pure. */
import type { StorageView } from '../../src/pve/index.ts';
import type { VirtualMachine } from '../../src/api/index.ts';
import {
  cloudInitImage,
  cloudInitMode,
  imageName,
  keysBesideImage,
  nativeKeys,
  noCloudFiles,
  type CloudInitInput,
} from './cloud-init.ts';
import { devicesOf } from './devices.ts';
import { cloudInitDrives, rootDiskOf } from './disks.ts';
import { mergeKeys, NO_KEYS, type Keys } from './hardware.ts';
import type { CloudInitWish, Desired, Guest, GuestConfig, SeedImage } from './model.ts';
import { cloudInitNics } from './cloud-init-nics.ts';

export type CloudInitMode = 'None' | 'Native' | 'Image';
type Problem = { readonly reason: string; readonly message: string };
type Wanted = Extract<Desired, { exists: true }>;
/** The wish, with its user-data known. */
export type WithCloudInit = Omit<Wanted, 'cloudInit'> & { readonly cloudInit: CloudInitWish };

export interface CloudInitPlan {
  readonly mode: CloudInitMode;
  readonly keys: Keys;
  readonly seed?: SeedImage;
  readonly problem?: Problem;
  /** The bytes of the image, where there is one. */
  readonly build: () => Uint8Array;
}

/** Where the document puts the drive. */
const DRIVE = 'ide2';
/** What a template says about its user; kept unless the VM says something itself. */
const USER_KEYS = ['ciuser', 'cipassword', 'sshkeys', 'cicustom'];

const nothing = (mode: CloudInitMode, keys: Keys = NO_KEYS): CloudInitPlan => ({
  mode,
  keys,
  build: () => new Uint8Array(),
});

const impossible = (reason: string, message: string): CloudInitPlan => ({
  ...nothing('None'),
  problem: { reason, message },
});

export interface CloudInitPlaces {
  readonly isoStorage: string | undefined;
  readonly storages: readonly StorageView[];
}

export function planCloudInit(
  vm: VirtualMachine,
  want: WithCloudInit,
  guest: Guest,
  places: CloudInitPlaces,
): CloudInitPlan {
  const { userData, sshKeys } = want.cloudInit;
  const drives = cloudInitDrives(guest.config);
  const asked = userData !== undefined || sshKeys.length > 0;
  if (!asked && want.nics === undefined && drives.length === 0) return nothing('None');
  const input = inputOf(vm, want, guest.config);
  const mode = cloudInitMode(input);
  if ('problem' in mode) return impossible('CloudInitInvalid', mode.problem);
  if (mode.value === 'Image') return imagePlan(vm, guest, input, places);
  const native = nativeKeys(input);
  if ('problem' in native) return impossible('CloudInitInvalid', native.problem);
  const keys = asked ? native.value : withoutUserKeys(native.value);
  return nothing('Native', mergeKeys(keys, nativeDrive(guest.config, drives)));
}

const withoutUserKeys = (keys: Keys): Keys => ({
  set: Object.fromEntries(Object.entries(keys.set).filter(([key]) => !USER_KEYS.includes(key))),
  delete: keys.delete.filter((key) => !USER_KEYS.includes(key)),
});

/** PVE makes the drive on the storage of the root disk; a guest has one of them at most. */
function nativeDrive(config: GuestConfig, drives: readonly string[]): Keys {
  const storage = rootDiskOf(config)?.storage;
  return drives.length > 0 || storage === undefined
    ? NO_KEYS
    : { set: { [DRIVE]: `${storage}:cloudinit` }, delete: [] };
}

function inputOf(vm: VirtualMachine, want: WithCloudInit, config: GuestConfig): CloudInitInput {
  return {
    instanceId: vm.metadata.uid,
    hostname: want.name.split('.')[0] ?? want.name,
    userData: want.cloudInit.userData,
    sshKeys: want.cloudInit.sshKeys,
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
  places: CloudInitPlaces,
): CloudInitPlan {
  const files = noCloudFiles(input);
  if ('problem' in files) return impossible('CloudInitInvalid', files.problem);
  const storage = isoStorageFor(guest.node, places);
  if (typeof storage === 'object') return impossible(storage.reason, storage.message);
  const filename = imageName(vm.metadata.uid, guest.vmid, files.value);
  const volume = `${storage}:iso/${filename}`;
  const others = cloudInitDrives(guest.config).filter((device) => device !== DRIVE);
  return {
    mode: 'Image',
    keys: mergeKeys(keysBesideImage, { set: { [DRIVE]: `${volume},media=cdrom` }, delete: others }),
    seed: { volume, storage, filename, noted: vm.status?.cloudInit?.volume === volume, uploaded: false },
    build: () => cloudInitImage(files.value),
  };
}

/** The Provider's choice, else a shared storage, which lets the guest move; else one of the node's own. */
function isoStorageFor(node: string, { isoStorage, storages }: CloudInitPlaces): string | Problem {
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
      `The user-data needs an image, and ${isoStorage === undefined ? `node ${node} has no available storage` : `storage ${isoStorage} is not available on node ${node}`} with content type "iso". ` +
      `Add "iso" to the content of a storage of that node (pvesm set STORAGE --content …,iso), or name another in spec.defaults.isoStorage of the Provider.`,
  };
}

/** Whether user-data, keys or addresses say something else than the guest was given when it was made. */
export function cloudInitDiffers(vm: VirtualMachine, plan: CloudInitPlan, config: GuestConfig): boolean {
  const given = vm.status?.cloudInit;
  if (plan.problem || !given) return false;
  if (given.mode !== plan.mode) return true;
  // The image's name tells its contents; the storage it once was on does not matter.
  if (plan.mode === 'Image')
    return plan.seed !== undefined && !given.volume?.endsWith(`/${plan.seed.filename}`);
  return Object.entries(plan.keys.set).some(
    ([key, value]) => key !== DRIVE && config[key] !== undefined && config[key] !== String(value),
  );
}
