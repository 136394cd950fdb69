/** The desired guest of a spec whose references are followed. Pure. */
import type { TemplateSource, VirtualMachine, VMClass } from '../../../src/api/index.ts';
import { bootIgnored } from '../cdroms/boot.ts';
import { optionsOf } from '../config/options.ts';
import { provisioningDifferences, resolveDisks, rootOf } from '../disks/resolve.ts';
import type { Shape } from '../model/desired.ts';
import type { ResolvedSpec } from '../model/resolved-spec.ts';
import { gatewaysIgnored } from '../networks/gateways.ts';
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
  readonly source: TemplateSource | undefined;
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
      ...provisioningDifferences(vmClass, storageNow(vm) ?? storage, inventory.view()),
      ...restartIgnored(vm),
      ...gatewaysIgnored(parts.nics),
      ...bootIgnored(vm),
      ...applyIgnored(vm),
    ],
    shape: {
      owner: base.owner,
      name: vm.metadata.name,
      power: vm.spec.powerState ?? 'On',
      restraint: restraintOf(vm),
      ...(vm.spec.vmid !== undefined && { vmid: vm.spec.vmid }),
      ...adoptionOf(vm, base),
      ...(restart && { restart }),
      options: optionsOf(vm.spec),
      hooks: base.hooks,
      ...(base.host !== undefined && { host: base.host }),
      ...driftPolicyOf(vm),
      ...(isWithoutTemplate(vm) && { withoutTemplate: true }),
      ...(vm.spec.boot && { boot: vm.spec.boot }),
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

/** How a VM was made does not change with its spec. */
function isWithoutTemplate({ spec, status }: VirtualMachine): boolean {
  if (status?.name !== undefined && status.cloneType !== undefined) return status.cloneType === 'None';
  return spec.imageRef === undefined && spec.cloneFrom === undefined && spec.adopt === undefined;
}

function sizeOf({
  spec: { cpus, cpuType, memory, maxCpus, maxMemory, spec: pve, storage },
}: VMClass): Pick<
  Shape,
  'cpus' | 'cpuType' | 'memory' | 'maxCpus' | 'maxMemory' | 'machine' | 'bios' | 'tpm' | 'provisioning'
> {
  return {
    cpus,
    memory,
    ...(cpuType !== undefined && { cpuType }),
    ...(maxCpus !== undefined && { maxCpus }),
    ...(maxMemory !== undefined && { maxMemory }),
    ...(pve?.machine !== undefined && { machine: pve.machine }),
    ...(pve?.bios !== undefined && { bios: FIRMWARE[pve.bios] }),
    ...(pve?.tpm !== undefined && { tpm: pve.tpm }),
    ...(storage?.type !== undefined && { provisioning: storage.type }),
  };
}

/** Where the boot disk is. */
const storageNow = ({ status }: VirtualMachine): string | undefined =>
  status?.disks?.find(({ name }) => name === 'root')?.storage;

const storageOf = ({ spec }: VMClass): string | undefined => spec.storage?.class;
