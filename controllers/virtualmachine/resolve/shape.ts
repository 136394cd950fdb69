/** The desired guest of a spec whose references are followed. Pure. */
import type { VirtualMachine, VMClass } from '../../../src/api/index.ts';
import { bootIgnored } from '../cdroms/boot.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import { MiB } from '../../../src/lib/units.ts';
import { desiredDevice } from '../config/devices.ts';
import { optionsOf } from '../config/options.ts';
import { provisioningDifferences, resolveDisks, rootOf } from '../disks/resolve.ts';
import type { WantedTemplates } from '../../shared/images/wanted.ts';
import type { Hardware, Shape } from '../model/desired.ts';
import type { ResolvedSpec } from '../model/resolved-spec.ts';
import { gatewaysIgnored } from '../networks/gateways.ts';
import { queuesIgnored } from '../networks/queues.ts';
import { restraintOf } from '../plan/management.ts';
import { restartIgnored, restartSettings } from '../restart/resolve.ts';
import { applyIgnored } from '../revert/words.ts';
import { adoptIgnored, adoptionOf } from './adoption.ts';

/** What is known without the references of the spec. */
export type Base = Pick<
  ResolvedSpec,
  | 'connection'
  | 'grant'
  | 'owner'
  | 'graceSeconds'
  | 'deletionPolicy'
  | 'preserved'
  | 'origin'
  | 'host'
  | 'templateNode'
  | 'pool'
  | 'besideOthers'
  | 'dryRun'
  | 'protection'
  | 'hooks'
  | 'probe'
  | 'snapshots'
  | 'vmSnapshots'
  | 'applyAfterRevert'
>;

const FIRMWARE = { uefi: 'ovmf', ovmf: 'ovmf', bios: 'seabios', seabios: 'seabios' } as const;

interface Followed {
  readonly vmClass: VMClass;
  readonly source: WantedTemplates | undefined;
  readonly parts: Pick<Shape, 'nics' | 'cloudInit' | 'cdroms'>;
}

export function resolvedSpecOf(
  vm: VirtualMachine,
  base: Base,
  { vmClass, source, parts }: Followed,
): Omit<ResolvedSpec, 'conflict' | 'notGranted' | 'shape'> & {
  readonly shape: NonNullable<ResolvedSpec['shape']>;
} {
  const { defaults, inventory } = base.connection;
  const usual = storageOf(vmClass) ?? defaults.storage;
  const storage = rootOf(vm)?.storageClass ?? usual;
  const restart = restartSettings(vm);
  return {
    ...base,
    image: source,
    storage,
    ignored: [
      ...adoptIgnored(vm),
      ...imageIgnored(vm),
      ...provisioningDifferences(vmClass, storageNow(vm) ?? storage, inventory.view()),
      ...restartIgnored(vm),
      ...gatewaysIgnored(parts.nics),
      ...queuesIgnored(parts.nics, vmClass.spec),
      ...bootIgnored(vm),
      ...applyIgnored(vm),
    ],
    shape: {
      owner: base.owner,
      name: vm.spec.guestName ?? vm.metadata.name,
      power: vm.spec.powerState ?? 'On',
      restraint: restraintOf(vm),
      ...(vm.spec.vmid !== undefined && { vmid: vm.spec.vmid }),
      ...adoptionOf(vm, base),
      ...(restart && { restart }),
      options: optionsOf(vm.spec),
      ...devicesOf(vm, vmClass),
      ...(vm.spec.guestAgent && { guestAgent: vm.spec.guestAgent }),
      hooks: base.hooks,
      ...(base.host !== undefined && { host: base.host }),
      ...driftPolicyOf(vm),
      ...bootOf(vm),
      ...(vm.spec.cloneFrom && { isCopy: true }),
      ...resolveDisks(vm, usual),
      ...parts,
      ...sizeOf(vmClass),
    },
  };
}

/**
 * In the pass that finds out what a guest has whose status was lost, nothing is reverted to a spec that may ask for more
 * than was ever granted.
 */
const driftPolicyOf = ({ spec: { driftPolicy }, status }: VirtualMachine): Pick<Shape, 'driftPolicy'> =>
  driftPolicy && status?.internal?.recovered !== true ? { driftPolicy } : {};

const bootOf = (vm: VirtualMachine): Pick<Shape, 'withoutTemplate' | 'boot'> => ({
  ...(isWithoutTemplate(vm) && { withoutTemplate: true }),
  ...(vm.spec.boot && { boot: vm.spec.boot }),
});

/** It may be added, because an adopted VM may get one. */
const imageIgnored = ({ spec: { imageRef }, status }: VirtualMachine): string[] =>
  imageRef !== undefined && status?.cloneType === 'None'
    ? ['spec.imageRef has no effect: the VM was made without a template. Remove it.']
    : [];

/** How a VM was made does not change with its spec. */
function isWithoutTemplate({ spec, status }: VirtualMachine): boolean {
  if (status?.name !== undefined && status.cloneType !== undefined) return status.cloneType === 'None';
  return spec.imageRef === undefined && spec.cloneFrom === undefined && spec.adopt === undefined;
}

const sizeOf = ({
  spec: { cpus, cpuType, memory, maxCpus, maxMemory, minMemory, spec: pve, hardware, storage },
}: VMClass) => ({
  cpus,
  memory,
  ...omitUndefined({ cpuType, maxCpus, maxMemory, minMemory }),
  ...(pve && creationSettingsOf(pve)),
  ...(hardware && { hardware: hardwareOf(hardware) }),
  ...(storage?.type !== undefined && { provisioning: storage.type }),
});

const creationSettingsOf = ({
  machine,
  bios,
  tpm,
  osType,
  scsiController,
  efi,
}: NonNullable<VMClass['spec']['spec']>): Pick<
  Shape,
  'machine' | 'bios' | 'tpm' | 'osType' | 'scsiController' | 'efi'
> => omitUndefined({ machine, bios: bios && FIRMWARE[bios], tpm, osType, scsiController, efi });

const devicesOf = (vm: VirtualMachine, vmClass: VMClass): Pick<Shape, 'devices'> => {
  const devices = vm.spec.devices ?? vmClass.spec.devices;
  return devices ? { devices: devices.map(desiredDevice) } : {};
};

/** Properties as PVE names them. */
const hardwareOf = ({ vga, audio, rng, ...others }: NonNullable<VMClass['spec']['hardware']>): Hardware => ({
  ...others,
  ...(vga && {
    vga: { type: vga.type, memory: vga.memory && String(Math.floor(vga.memory / MiB)) },
  }),
  ...(audio && { audio: { device: audio.device, driver: audio.driver } }),
  ...(rng && {
    rng: {
      source: `/dev/${rng.source}`,
      max_bytes: rng.maxBytes?.toString(),
      period: rng.periodMillis?.toString(),
    },
  }),
});

/** Where the boot disk is. */
const storageNow = ({ status }: VirtualMachine): string | undefined =>
  status?.disks?.find(({ name }) => name === 'root')?.storage;

const storageOf = ({ spec }: VMClass): string | undefined => spec.storage?.class;
