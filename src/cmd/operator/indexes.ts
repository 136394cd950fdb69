/** Finds VirtualMachines by what they refer to and by what they have. */
import {
  cloneSources,
  exclusiveValues,
  KIND_NAMES,
  REGISTRY,
  type KindName,
  type Reference,
  type Usage,
} from '../../../controllers/index.ts';
import type { VirtualMachine, VMSnapshot } from '../../api/index.ts';
import { indexBy, type Index } from '../../kube/index-by.ts';
import { vmid, type Vmid } from '../../lib/units.ts';
import type { Readable } from '../../runtime/controller.ts';
import type { ChangeSource } from '../../runtime/object-store.ts';

export interface VmIndexes {
  /** By the object of this kind that they refer to, as `namespace/name`. */
  readonly users: (kind: KindName) => Index<VirtualMachine>;
  /** The same, and those with a VMID whose reference cannot be read although they must have one. */
  readonly mayUse: (kind: KindName, key: string) => readonly Readable<VirtualMachine>[];
  readonly vmid: Index<VirtualMachine>;
  /** Under `IN_CREATION`: those with a VMID whose guests are not complete. */
  readonly inCreation: Index<VirtualMachine>;
  readonly uid: Index<VirtualMachine>;
  readonly namespace: Index<VirtualMachine>;
  /** By an address or a MAC that their spec gives to them alone. */
  readonly exclusive: Index<VirtualMachine>;
  /** By what a VM that does not exist yet is to be a copy of, as `cloneSources` names it. */
  readonly cloneSource: Index<VirtualMachine>;
  /** Those without a VMID, by their Provider. */
  readonly unmade: Index<VirtualMachine>;
  /** Those of them that no node could take when they looked last, by their Provider and by their namespace. */
  readonly withoutNode: Index<VirtualMachine>;
}

export function indexVms(source: ChangeSource<VirtualMachine>): VmIndexes {
  const users = new Map(
    KIND_NAMES.flatMap((kind) => {
      const { usage } = REGISTRY[kind];
      return usage ? [[kind, indexBy(source, (vm) => referredBy(vm, usage))] as const] : [];
    }),
  );
  const usersOf = (kind: KindName): Index<VirtualMachine> => {
    const index = users.get(kind);
    if (!index) throw new Error(`no VirtualMachine refers to a ${kind}`);
    return index;
  };
  return {
    users: usersOf,
    mayUse: (kind, key) => [...usersOf(kind).objects(key), ...usersOf(kind).objects(UNKNOWN)],
    vmid: indexBy(source, ({ status }) => (status?.vmid === undefined ? [] : [String(status.vmid)])),
    inCreation: indexBy(source, ({ status }) =>
      status?.vmid !== undefined && status.createdAt === undefined && status.placement ? [IN_CREATION] : [],
    ),
    uid: indexBy(source, ({ metadata }) => [metadata.uid]),
    namespace: indexBy(source, ({ metadata }) => [metadata.namespace]),
    exclusive: indexBy(source, exclusiveValues),
    cloneSource: indexBy(source, cloneSources),
    unmade: indexBy(source, (vm) => (isUnmade(vm) ? [providerOf(vm)].filter(isKnown) : [])),
    withoutNode: indexBy(source, (vm) =>
      isUnmade(vm) && hasNoNode(vm) ? [providerOf(vm), vm.metadata.namespace].filter(isKnown) : [],
    ),
  };
}

const isUnmade = ({ metadata, status }: Readable<VirtualMachine>): boolean =>
  status?.vmid === undefined && metadata.deletionTimestamp === undefined;

const hasNoNode = ({ status }: Readable<VirtualMachine>): boolean =>
  status?.conditions?.some(({ type, reason }) => type === 'Ready' && reason === 'NoEligibleNode') === true;

const isKnown = (key: string | undefined): key is string => key !== undefined;

export interface SnapshotIndexes {
  /** VMSnapshots by their VM, as `namespace/name`. */
  readonly vm: Index<VMSnapshot>;
  readonly uid: Index<VMSnapshot>;
}

export const indexSnapshots = (source: ChangeSource<VMSnapshot>): SnapshotIndexes => ({
  vm: indexBy(source, ({ metadata: { namespace }, spec }) =>
    spec.vmRef ? [keyOf({ namespace, name: spec.vmRef.name })] : [],
  ),
  uid: indexBy(source, ({ metadata }) => [metadata.uid]),
});

/** The only key of an index. */
export const IN_CREATION = 'inCreation';

/** No key of an object. */
const UNKNOWN = '?';

/** What a VM refers to, as `namespace/name`. */
export const targetsOf = (vm: Readable<VirtualMachine>, { reference, others }: Usage): readonly string[] =>
  [reference(vm), ...(others?.(vm) ?? [])].flatMap((target) => (target ? [refKey(vm, target)] : []));

function referredBy(vm: Readable<VirtualMachine>, usage: Usage): readonly string[] {
  const targets = targetsOf(vm, usage);
  if (targets.length > 0) return [...new Set(targets)];
  const { required } = usage;
  return required && vm.status?.vmid !== undefined ? [UNKNOWN] : [];
}

/** `namespace/name` of an object. */
export const keyOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  `${namespace}/${name}`;

/** `namespace/name` of what an object refers to. */
export const refKey = (
  { metadata }: Pick<Readable<VirtualMachine>, 'metadata'>,
  { name, namespace = metadata.namespace }: Reference,
): string => keyOf({ namespace, name });

/** Absent where it cannot be read. */
export const providerOf = (vm: Readable<VirtualMachine>): string | undefined =>
  vm.spec.providerRef && refKey(vm, vm.spec.providerRef);

export const claimedVmids = (vms: readonly Readable<VirtualMachine>[]): ReadonlySet<Vmid> =>
  new Set(vms.flatMap(({ status }) => (status?.vmid === undefined ? [] : [vmid(status.vmid)])));
