/** Keeps an object as long as VirtualMachines need it. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { seconds } from '../../../src/lib/units.ts';
import type { Controller, Readable, Resource } from '../../../src/runtime/controller.ts';
import { released, waiting, type Outcome } from '../../../src/runtime/outcome.ts';
import { mayUse } from './references.ts';

const RETRY_AFTER = seconds(10);
const MAX_NAMED = 5;

/**
 * Who may read the object need not know the objects of other namespaces: those are only counted.
 * @param kind as in the manifest: "VMClass"
 */
export function inUse(
  kind: string,
  { metadata: { namespace } }: Resource,
  users: readonly Readable<VirtualMachine>[],
): Outcome {
  const own = users.filter(({ metadata }) => metadata.namespace === namespace);
  const named = own.slice(0, MAX_NAMED).map(({ metadata }) => `${namespace}/${metadata.name}`);
  const others = users.length - own.length;
  const counts = [
    ...(own.length > MAX_NAMED ? [`${own.length - MAX_NAMED} more`] : []),
    ...(others > 0 ? [`${others} in ${others === 1 ? 'another namespace' : 'other namespaces'}`] : []),
  ];
  const list = [...(named.length > 0 ? [named.join(', ')] : []), ...counts].join(' and ');
  return waiting(
    'InUse',
    `The ${kind} is deleted once no VirtualMachine uses it. In use by: ${list}. kubectl get vm -A lists those that you may see.`,
    RETRY_AFTER,
  );
}

/** VirtualMachines that refer to an object, being deleted or not, as far as they can be read. */
export type UsersOf = (namespace: string, name: string) => readonly Readable<VirtualMachine>[];

/**
 * A VM that is being deleted no longer needs what it was created from.
 * @param counts whether a VM keeps the object; absent: if it may refer to it
 */
export function withInUseProtection<O extends Resource, Status extends object>(
  kind: string,
  controller: Controller<O, Status>,
  usersOf: UsersOf,
  counts: (namespace: string, object: O) => boolean = mayUse,
): Controller<O, Status> {
  // A VMID keeps nothing here: it may be of any Provider, and a guest that exists runs on without its class and image.
  const usersOfObject = (object: O): readonly Readable<VirtualMachine>[] =>
    usersOf(object.metadata.namespace, object.metadata.name).filter(
      ({ metadata }) => metadata.deletionTimestamp === undefined && counts(metadata.namespace, object),
    );
  return {
    name: controller.name,
    finalizer: `${controller.name}.infra.virtrigaud.io/finalizer`,
    needsFinalizer: (object) => usersOfObject(object).length > 0,
    async reconcile(object, pass) {
      const result = await controller.reconcile(object, pass);
      if (!pass.deleting) return result;
      const users = usersOfObject(object);
      return { ...result, outcome: users.length === 0 ? released : inUse(kind, object, users) };
    },
  };
}
