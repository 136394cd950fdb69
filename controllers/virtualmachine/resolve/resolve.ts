/** Spec, class, image, Provider and Secrets → the resolved spec, or why there is none yet. */
import {
  DRY_RUN,
  BESIDE_OTHERS,
  DEFAULTS,
  type TemplateSource,
  type VirtualMachine,
  type VMClass,
  type VMImage,
} from '../../../src/api/index.ts';
import type { ObjectReader } from '../../../src/runtime/controller.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import { follow } from '../../shared/objects/references.ts';
import { restartIgnored, restartSettings } from '../restart/resolve.ts';
import { restraintOf } from '../plan/management.ts';
import type { Desired, Shape, Unresolved } from '../model/desired.ts';
import { allOf, isReportedAlone, type Lookup } from '../model/unresolved.ts';
import { missingSecrets, resolveCloudInit, type CloudInitPorts } from '../cloud-init/resolve.ts';
import { addressInUse, addressConflictOf, type AddressPorts } from '../networks/addresses-in-use.ts';
import type { PlainSpec, ResolvedSpec } from '../model/resolved-spec.ts';
import { hooksOf } from '../guest-agent/hooks.ts';
import { optionsOf } from '../config/options.ts';
import { probeOf } from '../guest-agent/readiness.ts';
import { resolveDisks, rootOf, provisioningDifferences } from '../disks/resolve.ts';
import { gatewaysIgnored } from '../networks/gateways.ts';
import { resolveNics } from '../networks/resolve.ts';
import { refusedByQuota, type QuotaPorts } from './quota.ts';
import { adoptIgnored, adoptionOf } from './adoption.ts';
import { reach, type ReachPorts } from '../../shared/cluster/reach.ts';
import { grantedPolicyOf, isPreserved, judgeUse, poolOf, withinGrant, withoutNode } from './granted.ts';

export interface ResolvePorts extends QuotaPorts, ReachPorts, CloudInitPorts {
  readonly clusterId: string;
  readonly images: ObjectReader<VMImage>;
  readonly addressed: AddressPorts['addressed'];
}

/** `bare`: what is known without the references of the spec, where the Provider is connected. */
export type Resolved =
  { readonly ok: true; readonly resolved: ResolvedSpec } | (Unresolved & { readonly bare?: ResolvedSpec });

const FIRMWARE = { uefi: 'ovmf', ovmf: 'ovmf', bios: 'seabios', seabios: 'seabios' } as const;

export async function resolve(vm: VirtualMachine, ports: ResolvePorts): Promise<Resolved> {
  const { namespace, name, uid } = vm.metadata;
  const reached = reach(vm, ports);
  if (!reached.ok) return withOthers(vm, reached, ports);
  const { provider, grant } = reached;
  const refused = reached.refused ?? withoutNode(vm, reached.connection, grant);
  const connection = withinGrant(reached.connection, grant);
  const base: Base = {
    connection,
    grant,
    owner: { cluster: ports.clusterId, namespace, name, uid },
    graceSeconds: Math.ceil(
      (vm.spec.lifecycle?.gracefulShutdownTimeout ?? DEFAULTS.gracefulShutdownTimeout) / 1000,
    ),
    deletionPolicy: grantedPolicyOf(vm, grant),
    preserved: isPreserved(vm, grant),
    host: vm.spec.placement?.host,
    pool: poolOf(vm, connection, grant),
    besideOthers: vm.metadata.annotations[BESIDE_OTHERS] === 'true',
    ...(vm.metadata.annotations[DRY_RUN] === 'true' && { dryRun: true }),
    protection: vm.spec.protection,
    hooks: hooksOf(vm),
    probe: probeOf(vm),
  };
  const bare = {
    ...base,
    shape: undefined,
    image: undefined,
    storage: undefined,
    conflict: undefined,
    withdrawn: [],
    ignored: [],
  };
  // Deletion needs no class, no image and no Secret: they may be deleted already.
  if (vm.metadata.deletionTimestamp !== undefined) return { ok: true, resolved: bare };
  if (refused) return { ...(await withOthers(vm, refused, ports)), bare };
  const resolution = await resolveShape(vm, base, ports);
  if (!resolution.ok) return { ...resolution, bare };
  const tooMuch = provider && refusedByQuota(vm, provider, ports);
  return tooMuch ? { ...tooMuch, bare } : resolution;
}

type Base = Pick<
  ResolvedSpec,
  | 'connection'
  | 'grant'
  | 'owner'
  | 'graceSeconds'
  | 'deletionPolicy'
  | 'preserved'
  | 'host'
  | 'pool'
  | 'besideOthers'
  | 'dryRun'
  | 'protection'
  | 'hooks'
  | 'probe'
>;

async function resolveShape(vm: VirtualMachine, base: Base, ports: ResolvePorts): Promise<Resolved> {
  const vmClass = classOf(vm, ports);
  const image = imageOf(vm, ports);
  const nics = resolveNics(vm.spec.networks, base.connection.defaults.bridge);
  if (!vmClass.ok) return withMissingSecrets(vm, [vmClass, image, nics], ports);
  if (!image.ok) return withMissingSecrets(vm, [image, nics], ports);
  if (!nics.ok) return withMissingSecrets(vm, [nics], ports);
  const conflict = addressConflictOf(vm, ports);
  // Before a VMID is reserved nothing is lost by waiting.
  if (conflict && vm.status?.vmid === undefined) return addressInUse(conflict);
  const cloudInit = await resolveCloudInit(vm, { owner: base.owner, nics: nics.desired }, ports);
  // A configured guest has read its user-data: the Secret may have been deleted.
  if (!cloudInit.ok && (cloudInit.early === true || !isConfigured(vm))) return cloudInit;
  const parts = { nics: nics.desired, cloudInit: cloudInit.ok ? cloudInit.desired : undefined };
  return withinLimits(vm, {
    ...resolvedSpecOf(vm, base, { vmClass: vmClass.object, source: image.source, parts }),
    conflict,
  });
}

/** With everything else that the spec refers to and that is missing. */
async function withOthers(vm: VirtualMachine, problem: Unresolved, ports: ResolvePorts): Promise<Unresolved> {
  // Deletion needs nothing else.
  if (isReportedAlone(problem) || vm.metadata.deletionTimestamp !== undefined) return problem;
  return withMissingSecrets(vm, [problem, classOf(vm, ports), imageOf(vm, ports)], ports);
}

/** That a Secret cannot be read hides no other problem. */
async function withMissingSecrets(
  vm: VirtualMachine,
  [problem, ...others]: readonly [Unresolved, ...Lookup[]],
  { readSecret }: ResolvePorts,
): Promise<Unresolved> {
  const secrets = isConfigured(vm) ? [] : await missingSecrets(vm, readSecret).catch(() => []);
  return allOf(problem, [...others, ...secrets]);
}

const classOf = (vm: VirtualMachine, { classes }: ResolvePorts) =>
  follow(classes, vm.spec.classRef, {
    namespace: vm.metadata.namespace,
    kind: 'VMClass',
    notFound: Reasons.classNotFound,
  });

function withinLimits(
  vm: VirtualMachine,
  resolved: Omit<ResolvedSpec, 'withdrawn' | 'shape'> & {
    readonly shape: NonNullable<ResolvedSpec['shape']>;
  },
): Resolved {
  const { shape } = resolved;
  const { refused, withdrawn, snippetGranted } = judgeUse(vm, shape, resolved);
  if (refused) return refused;
  // A guest that has its data needs it no more.
  const allowed = snippetGranted ? shape : { ...shape, cloudInit: undefined };
  return { ok: true, resolved: { ...resolved, withdrawn, shape: allowed } };
}

/** A guest that exists no longer needs its image, and one that is adopted needs none. */
function imageOf(
  { metadata: { namespace }, spec, status }: VirtualMachine,
  { images }: ResolvePorts,
): { readonly ok: true; readonly source: TemplateSource | undefined } | Unresolved {
  if (spec.imageRef === undefined) return { ok: true, source: undefined };
  const image = follow(images, spec.imageRef, {
    namespace,
    kind: 'VMImage',
    notFound: Reasons.imageNotFound,
  });
  if (image.ok) return { ok: true, source: image.object.spec.source };
  return status?.name !== undefined || spec.adopt ? { ok: true, source: undefined } : image;
}

interface Followed {
  readonly vmClass: VMClass;
  readonly source: TemplateSource | undefined;
  readonly parts: Pick<Shape, 'nics' | 'cloudInit'>;
}

function resolvedSpecOf(
  vm: VirtualMachine,
  base: Base,
  { vmClass, source, parts }: Followed,
): Omit<ResolvedSpec, 'conflict' | 'withdrawn' | 'shape'> & {
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
      ...(vm.spec.driftPolicy && { driftPolicy: vm.spec.driftPolicy }),
      ...resolveDisks(vm, usual),
      ...parts,
      ...sizeOf(vmClass),
    },
  };
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

const isConfigured = ({ status, metadata }: VirtualMachine): boolean =>
  status?.internal?.uuid === metadata.uid;

/** Where the boot disk is. */
const storageNow = ({ status }: VirtualMachine): string | undefined =>
  status?.disks?.find(({ name }) => name === 'root')?.storage;

const storageOf = ({ spec }: VMClass): string | undefined => spec.storage?.class;

/** The desired guest as the plan knows it. */
export const desiredOf = (
  { shape, owner, graceSeconds, deletionPolicy, protection, hooks }: PlainSpec,
  creation: Shape['creation'],
): Desired =>
  shape
    ? { exists: true, graceSeconds, ...shape, creation }
    : { exists: false, owner, graceSeconds, deletionPolicy, protection, hooks };
