/** Finds VirtualMachines by what they refer to and by what they have. */
import {
  exclusiveValues,
  KIND_NAMES,
  REGISTRY,
  type KindName,
  type Reference,
  type Usage,
} from '../../../controllers/index.ts';
import type { VirtualMachine } from '../../api/index.ts';
import { indexBy, type Index } from '../../kube/index-by.ts';
import { vmid, type Vmid } from '../../lib/units.ts';
import type { ChangeSource } from '../../runtime/object-store.ts';

export interface VmIndexes {
  /** By the object of this kind that they refer to, as `namespace/name`. */
  readonly users: (kind: KindName) => Index<VirtualMachine>;
  readonly vmid: Index<VirtualMachine>;
  readonly uid: Index<VirtualMachine>;
  /** By an address or a MAC that their spec gives to them alone. */
  readonly exclusive: Index<VirtualMachine>;
}

export function indexVms(source: ChangeSource<VirtualMachine>): VmIndexes {
  const users = new Map(
    KIND_NAMES.flatMap((kind) => {
      const { usage } = REGISTRY[kind];
      return usage ? [[kind, indexBy(source, (vm) => referredBy(vm, usage))] as const] : [];
    }),
  );
  return {
    users(kind) {
      const index = users.get(kind);
      if (!index) throw new Error(`no VirtualMachine refers to a ${kind}`);
      return index;
    },
    vmid: indexBy(source, ({ status }) => (status?.vmid === undefined ? [] : [String(status.vmid)])),
    uid: indexBy(source, ({ metadata }) => [metadata.uid]),
    exclusive: indexBy(source, exclusiveValues),
  };
}

function referredBy(vm: VirtualMachine, { reference }: Usage): readonly string[] {
  const target = reference(vm);
  return target ? [refKey(vm, target)] : [];
}

/** `namespace/name` of an object. */
export const keyOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  `${namespace}/${name}`;

/** `namespace/name` of what an object refers to. */
export const refKey = (
  { metadata }: Pick<VirtualMachine, 'metadata'>,
  { name, namespace = metadata.namespace }: Reference,
): string => keyOf({ namespace, name });

export const providerOf = (vm: Pick<VirtualMachine, 'metadata' | 'spec'>): string =>
  refKey(vm, vm.spec.providerRef);

export const claimedVmids = (vms: readonly VirtualMachine[]): ReadonlySet<Vmid> =>
  new Set(vms.flatMap(({ status }) => (status?.vmid === undefined ? [] : [vmid(status.vmid)])));
