/** How a guest gets its cloud-init data: by PVE's own drive, by an image of ours, or not at all. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { Digest } from '../../../src/lib/hash.ts';
import {
  cloudInitImage,
  cloudInitMode,
  imageName,
  keysBesideImage,
  nativeKeys,
  noCloudFiles,
  type CloudInitInput,
} from '../../../src/cloudinit/index.ts';
import { changedParts, givenOf } from './given.ts';
import { devicesOf } from '../networks/devices.ts';
import { cloudInitDrives, rootDiskOf } from '../../shared/guests/disks.ts';
import { mergeKeys, NO_KEYS, type Keys } from '../../shared/guests/keys.ts';
import { isNew } from '../config/is-new.ts';
import type { Guest, GuestConfig } from '../../shared/guests/model.ts';
import type { CloudInitMode, CloudInitPlan, History, WithCloudInit } from '../model/cloud-init.ts';
import type { DesiredCloudInit } from '../model/desired.ts';
import type { StorageFacts } from '../model/surroundings.ts';
import { cloudInitNics } from './nics.ts';

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
  readonly digest: Digest;
  readonly isoStorage: string | undefined;
  readonly storages: readonly StorageFacts[];
}

export function planCloudInit(
  vm: VirtualMachine,
  want: WithCloudInit,
  guest: Guest,
  places: CloudInitPlaces,
): CloudInitPlan {
  const history = historyOf(vm, want, guest, places.digest);
  return { ...planData(vm, want, guest, { places, history }), ...history };
}

function historyOf(vm: VirtualMachine, want: WithCloudInit, guest: Guest, digest: Digest): History {
  const { deliveredDigests: before, instanceRevision = 0 } = vm.status?.internal?.cloudInit ?? {};
  const given = givenOf(want, digest);
  const changed = isNew(vm, guest) ? [] : changedParts(before, given);
  const renews = changed.length > 0 && want.cloudInit.onChange === 'NextBoot';
  return { given, changed, renews, instance: renews ? instanceRevision + 1 : instanceRevision };
}

/** Whether what the guest was given is to be delivered again. */
export const renewsCloudInit = (
  vm: VirtualMachine,
  want: WithCloudInit,
  guest: Guest,
  digest: Digest,
): boolean => historyOf(vm, want, guest, digest).renews;

interface Planning {
  readonly places: CloudInitPlaces;
  readonly history: History;
}

function planData(vm: VirtualMachine, want: WithCloudInit, guest: Guest, planning: Planning): CloudInitPlan {
  const { snippet } = want.cloudInit;
  const drives = cloudInitDrives(guest.config);
  const asked = asksForData(want.cloudInit);
  if (!asked && want.nics === undefined && drives.length === 0) return nothing('None');
  // Its data is read, parsed and laid out only where something may come of it.
  if (hadImage(vm, guest) && planning.history.changed.length === 0) return nothing('Image');
  const input = inputOf(vm, want, guest.config, planning.history.instance);
  const mode = cloudInitMode(input);
  if ('problem' in mode) return impossible('CloudInitInvalid', mode.problem);
  if (mode.value === 'Image' || hadImage(vm, guest)) return imagePlan(vm, guest, input, planning);
  const native = nativeKeys(input);
  if ('problem' in native) return impossible('CloudInitInvalid', native.problem);
  const keys =
    snippet === undefined
      ? asked
        ? native.value
        : withoutUserKeys(native.value)
      : withSnippet(native.value, snippet);
  return nothing('Native', mergeKeys(keys, nativeDrive(guest.config, drives)));
}

/** Its instance-id is ours: PVE's own would make it another instance. */
const hadImage = (vm: VirtualMachine, guest: Guest): boolean =>
  vm.status?.internal?.cloudInit?.mode === 'Image' && !isNew(vm, guest);

const asksForData = ({ sshKeys, onChange: _onChange, ...texts }: DesiredCloudInit): boolean =>
  sshKeys.length > 0 || Object.values(texts).some((text) => text !== undefined);

/** PVE takes the user-data from there and adds nothing to it. */
const withSnippet = (keys: Keys, snippet: string): Keys => ({
  set: { ...keys.set, cicustom: `user=${snippet}` },
  delete: keys.delete.filter((key) => key !== 'cicustom'),
});

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
  { places, history }: Planning,
): CloudInitPlan {
  const files = noCloudFiles(input);
  if ('problem' in files)
    return impossible(input.ignition === undefined ? 'CloudInitInvalid' : 'IgnitionInvalid', files.problem);
  if (!isNew(vm, guest) && !history.renews) return nothing('Image');
  const storage = isoStorageFor(guest.node, places);
  if (typeof storage === 'object') return impossible(storage.reason, storage.message);
  const filename = imageName(places.digest, guest.vmid, { uid: vm.metadata.uid, files: files.value });
  const volume = `${storage}:iso/${filename}`;
  const others = cloudInitDrives(guest.config).filter((device) => device !== DRIVE);
  return {
    mode: 'Image',
    keys: mergeKeys(keysBesideImage, { set: { [DRIVE]: `${volume},media=cdrom` }, delete: others }),
    seed: {
      volume,
      storage,
      filename,
      noted: vm.status?.internal?.cloudInit?.volume === volume,
      uploaded: false,
    },
    build: () => cloudInitImage(files.value),
  };
}

/** The Provider's choice, else a shared storage, which lets the guest move; else one of the node's own. */
function isoStorageFor(
  node: string,
  { isoStorage, storages }: CloudInitPlaces,
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
      `The user-data needs an image, and ${isoStorage === undefined ? `node ${node} has no available storage` : `storage ${isoStorage} is not available on node ${node}`} with content type "iso". ` +
      `Add "iso" to the content of a storage of that node (pvesm set STORAGE --content …,iso), or name another in spec.defaults.isoStorage of the Provider.`,
  };
}

/** Whether the guest has all that the plan would give it. */
export function isHanded({ mode, keys, seed }: Omit<CloudInitPlan, 'build'>, { config }: Guest): boolean {
  if (mode === 'Image') return seed !== undefined && config[DRIVE]?.startsWith(`${seed.volume},`) === true;
  return (
    Object.entries(keys.set).every(([key, value]) => key === DRIVE || config[key] === String(value)) &&
    keys.delete.every((key) => config[key] === undefined)
  );
}

/** Settings of PVE's own drive that say something else than the plan: somebody changed them. */
export const alteredKeys = ({ mode, keys }: CloudInitPlan, config: GuestConfig): readonly string[] =>
  mode === 'Native'
    ? Object.entries(keys.set)
        .filter(([key, value]) => key !== DRIVE && config[key] !== undefined && config[key] !== String(value))
        .map(([key]) => key)
    : [];
