/** Plans the delivery of cloud-init data: by PVE's cloud-init drive, by an image, or not at all. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { Digest } from '../../../src/lib/hash.ts';
import {
  cloudInitImage,
  requiredMode,
  imageContent,
  imageName,
  unsetNativeKeys,
  type CloudInitInput,
  type Resolver,
} from '../../../src/cloudinit/index.ts';
import { changedParts, digestsOf } from './delivered-digests.ts';
import { devicesOf } from '../networks/devices.ts';
import { cloudInitDrives } from '../../shared/guests/disks.ts';
import { mergeKeys } from '../../shared/guests/keys.ts';
import { isNew } from '../config/is-new.ts';
import { hasOption, knownKeys } from '../config/versions.ts';
import type { Guest, GuestConfig } from '../../shared/guests/model.ts';
import type { CloudInitPlan, DeliveryHistory, WithCloudInit } from '../model/cloud-init.ts';
import type { DesiredCloudInit } from '../model/desired.ts';
import { inheritanceOf, keeping, withInherited, type Inheritance } from './inherited.ts';
import { isoStorageFor, type IsoStorages } from './iso-storage.ts';
import { layoutOf } from './layout.ts';
import { nativePlan, planProblem, planWithout } from './native.ts';
import { cloudInitNics } from './nics.ts';
import { driveSlot } from './slot.ts';

export interface CloudInitContext extends IsoStorages {
  readonly digest: Digest;
  /** What applies in the guest where neither spec nor template says it. Absent: not known. */
  readonly resolver?: Resolver | undefined;
  /** Version of PVE on the guest's node. */
  readonly release?: string | undefined;
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
  const drives = cloudInitDrives(guest.config);
  const hasOwnData = hasData(want.cloudInit);
  const { resolver } = want.cloudInit;
  if (!hasOwnData && !resolver && want.nics === undefined && drives.length === 0) return planWithout('None');
  // Parsing the data is expensive, so it is skipped if nothing can change.
  if (hadImage(vm, guest) && planning.history.changed.length === 0) return planWithout('Image');
  const { release } = planning.context;
  const input = inputOf(vm, want, guest.config, { instance: planning.history.instance, release });
  const required = requiredMode(input);
  if ('problem' in required) return planProblem('CloudInitInvalid', required.problem);
  const mode = hadImage(vm, guest) ? 'Image' : required.value;
  const inheritance = inheritanceOf(vm, want, guest, { mode, hasOwnData });
  if (mode === 'Image')
    return imagePlan(
      vm,
      guest,
      withInherited(input, inheritance, { config: guest.config, resolver: planning.context.resolver }),
      { ...planning, inheritance },
    );
  const native = nativePlan(vm, want, guest, { input, inheritance, hasOwnData });
  return { ...native, keys: knownKeys(native.keys, release) };
}

/**
 * Whether an image is delivered whose network-config is ours. Then the resolver of the node has to be known, which PVE
 * writes into a drive of its own.
 */
export function needsResolver(
  vm: VirtualMachine,
  want: WithCloudInit,
  guest: Guest,
  { digest, release }: Pick<CloudInitContext, 'digest' | 'release'>,
): boolean {
  if (want.cloudInit.snippet !== undefined || want.cloudInit.networkData !== undefined) return false;
  const history = historyOf(vm, want, guest, digest);
  if (!isNew(vm, guest) && !history.renews) return false;
  const required = requiredMode(inputOf(vm, want, guest.config, { instance: history.instance, release }));
  return hadImage(vm, guest) || ('value' in required && required.value === 'Image');
}

/** Whether the guest has the instance-id of an image: PVE's drive would change it, and the guest would count as a new instance. */
const hadImage = (vm: VirtualMachine, guest: Guest): boolean =>
  vm.status?.internal?.cloudInit?.mode === 'Image' && !isNew(vm, guest);

const hasData = ({
  sshKeys,
  onChange: _onChange,
  documents: _documents,
  resolver: _resolver,
  ...texts
}: DesiredCloudInit): boolean =>
  sshKeys.length > 0 || Object.values(texts).some((text) => text !== undefined);

function inputOf(
  vm: VirtualMachine,
  want: WithCloudInit,
  config: GuestConfig,
  { instance, release }: { readonly instance: number; readonly release: string | undefined },
): CloudInitInput {
  const { uid } = vm.metadata;
  return {
    instanceId: instance === 0 ? uid : `${uid}-${instance}`,
    hostname: want.name.split('.')[0] ?? want.name,
    fqdn: want.name,
    ...want.cloudInit,
    alwaysUpgrades: !hasOption('ciupgrade', release),
    nics: cloudInitNics(want.nics ?? [], {
      uid: vm.metadata.uid,
      devices: devicesOf(vm, want, config),
      config,
    }),
  };
}

function imagePlan(
  vm: VirtualMachine,
  guest: Guest,
  input: CloudInitInput,
  { context, history, inheritance }: Planning & { readonly inheritance: Inheritance },
): CloudInitPlan {
  const layout = layoutOf(guest.config);
  if (typeof layout === 'object') return planProblem(layout.reason, layout.message);
  const content = imageContent(layout, input);
  if ('problem' in content)
    return planProblem(
      input.ignition === undefined ? 'CloudInitInvalid' : 'IgnitionInvalid',
      content.problem,
    );
  if (!isNew(vm, guest) && !history.renews) return planWithout('Image');
  const slot = driveSlot(vm, guest);
  if ('problem' in slot) return planProblem('NoCloudInitSlot', slot.problem);
  const device = slot.value;
  const storage = isoStorageFor(guest.node, context);
  if (typeof storage === 'object') return planProblem(storage.reason, storage.message);
  const filename = imageName(context.digest, guest.vmid, {
    uid: vm.metadata.uid,
    files: content.value.files,
  });
  const volume = `${storage}:iso/${filename}`;
  const others = cloudInitDrives(guest.config).filter((each) => each !== device);
  const { kept, dropped, set } = inheritance;
  return {
    mode: 'Image',
    keys: mergeKeys(keeping(unsetNativeKeys, inheritance), {
      set: { ...set, [device]: `${volume},media=cdrom` },
      delete: others,
    }),
    device,
    seed: {
      volume,
      storage,
      filename,
      recorded: vm.status?.internal?.cloudInit?.volume === volume,
      uploaded: false,
    },
    inherited: { kept, dropped },
    build: () => cloudInitImage(content.value),
  };
}

/** Whether the guest has everything that the plan delivers. */
export function isDelivered(
  { mode, keys, seed, device }: Omit<CloudInitPlan, 'build'>,
  { config }: Guest,
): boolean {
  if (mode === 'Image')
    return seed !== undefined && config[device ?? '']?.startsWith(`${seed.volume},`) === true;
  return (
    Object.entries(keys.set).every(([key, value]) => key === device || config[key] === String(value)) &&
    keys.delete.every((key) => config[key] === undefined)
  );
}

/** Settings of PVE's drive that differ from the plan because they were changed in Proxmox VE. */
export const alteredKeys = ({ mode, keys, device }: CloudInitPlan, config: GuestConfig): readonly string[] =>
  mode === 'Native'
    ? Object.entries(keys.set)
        .filter(
          ([key, value]) => key !== device && config[key] !== undefined && config[key] !== String(value),
        )
        .map(([key]) => key)
    : [];
