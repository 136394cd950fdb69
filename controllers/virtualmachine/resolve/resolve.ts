/** Spec, class, image, Provider and Secrets → the resolved spec, or why there is none yet. */
import {
  DRY_RUN,
  APPLY_AFTER_REVERT,
  BESIDE_OTHERS,
  DEFAULTS,
  type Provider,
  type Reason,
  type VirtualMachine,
  type VMImage,
} from '../../../src/api/index.ts';
import type { ObjectReader } from '../../../src/runtime/controller.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import { IMAGE_NOT_READY } from '../../shared/images/demand.ts';
import { follow } from '../../shared/objects/references.ts';
import { snapshotFacts, type SnapshotPorts } from '../revert/facts.ts';
import type { Desired, Shape, Unresolved } from '../model/desired.ts';
import { allOf, isReportedAlone, type Lookup } from '../model/unresolved.ts';
import { missingSecrets, resolveCloudInit, type CloudInitPorts } from '../cloud-init/resolve.ts';
import { addressInUse, addressConflictOf, type AddressPorts } from '../networks/addresses-in-use.ts';
import type { PlainSpec, ResolvedSpec } from '../model/resolved-spec.ts';
import { hooksOf } from '../guest-agent/hooks.ts';
import { probeOf } from '../guest-agent/readiness.ts';
import { resolveCdroms } from '../cdroms/resolve.ts';
import { awaitedImage, cdromsLeft, imageOf, imageProblems } from './images.ts';
import { resolveNics } from '../networks/resolve.ts';
import { heldDeletion, type DeletionProtectionPorts } from './held-deletion.ts';
import { refusedByQuota, type QuotaPorts } from './quota.ts';
import { cloneFromOf, type CloneFromPorts } from './clone-from.ts';
import { invalidParts } from './invalid.ts';
import { notReady, reach, type ReachPorts } from '../../shared/cluster/reach.ts';
import type { PolicyReaders } from '../../shared/placement/policies.ts';
import { policyLookup } from '../placement/policy.ts';
import { resolvedSpecOf, type Base } from './shape.ts';
import { grantedPolicyOf, isPreserved, judgeUse, poolOf, withinGrant, withoutNode } from './granted.ts';

export interface ResolvePorts
  extends
    QuotaPorts,
    ReachPorts,
    CloudInitPorts,
    SnapshotPorts,
    DeletionProtectionPorts,
    CloneFromPorts,
    PolicyReaders {
  readonly clusterId: string;
  readonly images: ObjectReader<VMImage>;
  readonly addressed: AddressPorts['addressed'];
}

export type Resolved =
  | { readonly ok: true; readonly resolved: ResolvedSpec }
  | (Unresolved & {
      /** What is known without the references of the spec, where the Provider is connected. */
      readonly bare?: ResolvedSpec;
      /** The spec of a VM without a VMID that limits keep from being made: it may have had a guest. */
      readonly unmade?: ResolvedSpec;
    });

export async function resolve(vm: VirtualMachine, ports: ResolvePorts): Promise<Resolved> {
  const { namespace, name, uid } = vm.metadata;
  const reached = reach(vm, ports);
  if (!reached.ok) return withOthers(vm, reached, ports);
  const { provider, grant } = reached;
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
    origin: reached.origin,
    ...nodesFor(vm),
    pool: poolOf(vm, connection, grant),
    besideOthers: vm.metadata.annotations[BESIDE_OTHERS] === 'true',
    ...(vm.metadata.annotations[DRY_RUN] === 'true' && { dryRun: true }),
    protection: vm.spec.protection,
    hooks: hooksOf(vm),
    probe: probeOf(vm),
    ...revertsOf(vm, ports),
  };
  const bare = {
    ...base,
    shape: undefined,
    image: undefined,
    storage: undefined,
    conflict: undefined,
    notGranted: [],
    ignored: [],
  };
  // Deletion needs no class, no image and no Secret: they may be deleted already.
  if (vm.metadata.deletionTimestamp !== undefined)
    return {
      ok: true,
      resolved: { ...bare, heldDeletion: heldDeletion(vm, provider ?? providerOf(vm, ports), ports) },
    };
  if (reached.refused) return { ...(await withOthers(vm, reached.refused, ports)), bare };
  const resolution = await resolveShape(vm, base, ports);
  const refused =
    withoutNode(vm, reached.connection, grant) ?? refusalOf(vm, resolution, { provider, ports });
  return refused ? { ...refused, bare, ...unmadeIn(vm, resolution, refused) } : resolution;
}

/** Also one that no longer admits the namespace. */
const providerOf = ({ metadata, spec: { providerRef } }: VirtualMachine, { providers }: ResolvePorts) =>
  providers.partial(providerRef.namespace ?? metadata.namespace, providerRef.name);

const unmadeIn = (
  { status }: VirtualMachine,
  resolution: Resolved,
  refused: Unresolved,
): { readonly unmade?: ResolvedSpec } =>
  resolution.ok && status?.vmid === undefined ? { unmade: { ...resolution.resolved, refused } } : {};

function refusalOf(
  vm: VirtualMachine,
  resolution: Resolved,
  { provider, ports }: { readonly provider: Provider | undefined; readonly ports: ResolvePorts },
): Unresolved | undefined {
  if (!resolution.ok) return resolution;
  const { refused } = resolution.resolved;
  const byProvider = (): Unresolved | undefined =>
    provider && (refusedByProvider(vm, provider, ports) ?? refusedByQuota(vm, provider, ports));
  return refused?.reason === IMAGE_NOT_READY ? (byProvider() ?? refused) : (refused ?? byProvider());
}

/** With these a VM can be made, or waits for other reasons. */
const SETTINGS_WORK: ReadonlySet<string> = new Set<Reason>([
  Reasons.noQuorum,
  Reasons.missingPrivileges,
  'Deleting',
]);

/** While the Provider cannot connect as its settings say now, nothing is made over the connection that it had before. */
function refusedByProvider(
  { metadata: { namespace }, status }: VirtualMachine,
  provider: Provider,
  { connections }: ResolvePorts,
): Unresolved | undefined {
  if (status?.vmid !== undefined) return undefined;
  const ready = provider.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'False' && !SETTINGS_WORK.has(ready.reason)
    ? { ...notReady(provider, connections, namespace), early: false }
    : undefined;
}

/** Absent where there are none, so that a settled VM is the same with and without snapshots. */
function revertsOf(
  vm: VirtualMachine,
  { snapshotsOf }: SnapshotPorts,
): Pick<Base, 'snapshots' | 'vmSnapshots' | 'applyAfterRevert'> {
  const { namespace, name, annotations } = vm.metadata;
  const all = snapshotsOf(namespace, name);
  const snapshots = snapshotFacts(vm, all);
  const vmSnapshots = all.map(({ metadata }) => metadata.uid).toSorted();
  const applyAfterRevert = annotations[APPLY_AFTER_REVERT];
  return {
    ...(snapshots.length > 0 && { snapshots }),
    ...(vmSnapshots.length > 0 && { vmSnapshots }),
    ...(applyAfterRevert !== undefined && { applyAfterRevert }),
  };
}

async function resolveShape(vm: VirtualMachine, base: Base, ports: ResolvePorts): Promise<Resolved> {
  const vmClass = classOf(vm, ports);
  const image = imageOf(vm, ports);
  const drives = resolveCdroms(vm, ports);
  const nics = resolveNics(vm.spec.networks, base.connection.defaults.bridge);
  if (!vmClass.ok) return withInvalid(vm, [vmClass, lookupOf(image), nics], ports);
  if (!nics.ok) return withInvalid(vm, image.problem ? [image.problem, nics] : [nics], ports);
  const conflict = addressConflictOf(vm, ports);
  const cloudInit = await resolveCloudInit(vm, { owner: base.owner, nics: nics.desired }, ports);
  // A configured guest has read its user-data: the Secret may have been deleted.
  const unread = cloudInit.ok || isConfigured(vm) ? undefined : cloudInit;
  if (!cloudInit.ok && cloudInit.early === true) return cloudInit;
  const parts = {
    nics: nics.desired,
    cloudInit: cloudInit.ok ? cloudInit.desired : undefined,
    ...drives.desired,
  };
  const invalid = invalidParts(vm, { owner: base.owner, ...parts });
  const spec = resolvedSpecOf(vm, base, { vmClass: vmClass.object, source: image.source, parts });
  const [missing, ...others] = [
    ...imageProblems(vm, image, drives),
    ...policyProblems(vm, ports),
    ...(unread ? [unread] : []),
    ...invalid,
  ];
  const ignored = [...spec.ignored, ...cdromsLeft(vm, drives)];
  const cloneFrom = cloneFromOf(vm, base.connection, ports);
  return withinLimits(
    vm,
    { ...spec, ignored, conflict, ...(cloneFrom && { cloneFrom }) },
    { missing: missing && allOf(missing, others), awaited: awaitedImage(vm, drives) },
  );
}

const policyProblems = (vm: VirtualMachine, ports: ResolvePorts): readonly Unresolved[] => {
  const policy = policyLookup(vm, ports);
  return policy.ok ? [] : [policy];
};

/** With everything else that the spec refers to and that is missing. */
async function withOthers(vm: VirtualMachine, problem: Unresolved, ports: ResolvePorts): Promise<Unresolved> {
  // Deletion needs nothing else.
  if (isReportedAlone(problem) || vm.metadata.deletionTimestamp !== undefined) return problem;
  return withInvalid(vm, [problem, classOf(vm, ports), lookupOf(imageOf(vm, ports))], ports);
}

/** With Secrets that are missing, and what is invalid in itself. That a Secret cannot be read hides no other problem. */
async function withInvalid(
  vm: VirtualMachine,
  [problem, ...others]: readonly [Unresolved, ...Lookup[]],
  ports: ResolvePorts,
): Promise<Unresolved> {
  const secrets = isConfigured(vm) ? [] : await missingSecrets(vm, ports.readSecret).catch(() => []);
  const data = secrets.length > 0 ? undefined : await readableData(vm, ports);
  return allOf(problem, [...others, ...secrets, ...invalidParts(vm, data)]);
}

/** The data of a VM that is still to be made, where it can be read now. */
async function readableData(
  vm: VirtualMachine,
  ports: ResolvePorts,
): Promise<Pick<Shape, 'owner' | 'nics' | 'cloudInit'> | undefined> {
  if (vm.status?.vmid !== undefined) return undefined;
  const { namespace, name, uid } = vm.metadata;
  const owner = { cluster: ports.clusterId, namespace, name, uid };
  const read = await resolveCloudInit(vm, { owner, nics: undefined }, ports).catch(() => undefined);
  return read?.ok ? { owner, nics: undefined, cloudInit: read.desired } : undefined;
}

const nodesFor = ({ spec, status }: VirtualMachine): Pick<Base, 'host' | 'templateNode'> => ({
  host: spec.placement?.host,
  templateNode: status?.internal?.templateNode,
});

const classOf = (vm: VirtualMachine, { classes }: ResolvePorts) =>
  follow(classes, vm.spec.classRef, {
    namespace: vm.metadata.namespace,
    kind: 'VMClass',
    field: 'spec.classRef',
    notFound: Reasons.classNotFound,
  });

/**
 * @param missing what is needed to make a guest, and for nothing else
 * @param awaited an image that is not downloaded yet
 */
function withinLimits(
  vm: VirtualMachine,
  resolved: Omit<ResolvedSpec, 'notGranted' | 'shape'> & {
    readonly shape: NonNullable<ResolvedSpec['shape']>;
  },
  {
    missing,
    awaited,
  }: { readonly missing: Unresolved | undefined; readonly awaited: Unresolved | undefined },
): Resolved {
  const { shape } = resolved;
  const { held, notGranted, ...judged } = judgeUse(vm, shape, resolved);
  const { conflict } = resolved;
  // Before a VMID is reserved nothing is lost by waiting.
  const waits = conflict && vm.status?.vmid === undefined ? addressInUse(conflict) : undefined;
  const refused = missing ?? waits ?? judged.refused ?? awaited;
  const allowed = {
    ...shape,
    ...(held && { held }),
    ...(held?.cloudInit && { cloudInit: undefined }),
  };
  return { ok: true, resolved: { ...resolved, notGranted, shape: allowed, ...(refused && { refused }) } };
}

const lookupOf = ({ problem }: ReturnType<typeof imageOf>): Lookup => problem ?? { ok: true };

const isConfigured = ({ status, metadata }: VirtualMachine): boolean =>
  status?.internal?.uuid === metadata.uid;

/** The desired guest as the plan knows it. */
export const desiredOf = (
  { shape, owner, graceSeconds, deletionPolicy, protection, hooks, heldDeletion: held }: PlainSpec,
  creation: Shape['creation'],
): Desired =>
  shape
    ? { exists: true, graceSeconds, ...shape, creation }
    : { exists: false, owner, graceSeconds, deletionPolicy, protection, hooks, heldDeletion: held };
