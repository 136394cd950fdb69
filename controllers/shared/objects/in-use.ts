/** Keeps an object as long as VirtualMachines need it. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { seconds } from '../../../src/lib/units.ts';
import type { Controller, Readable, Resource } from '../../../src/runtime/controller.ts';
import { released, waiting, type Outcome } from '../../../src/runtime/outcome.ts';

const RETRY_AFTER = seconds(10);
const MAX_NAMED = 5;

/** @param kind as in the manifest: "VMClass" */
export function inUse(kind: string, users: readonly Readable<VirtualMachine>[]): Outcome {
  const named = users
    .slice(0, MAX_NAMED)
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
    .join(', ');
  const rest = users.length > MAX_NAMED ? ` and ${users.length - MAX_NAMED} more` : '';
  return waiting(
    'InUse',
    `The ${kind} is deleted once no VirtualMachine uses it. In use by: ${named}${rest}.`,
    RETRY_AFTER,
  );
}

/** VirtualMachines that refer to an object, being deleted or not, as far as they can be read. */
export type UsersOf = (namespace: string, name: string) => readonly Readable<VirtualMachine>[];

/** A VM that is being deleted no longer needs what it was created from. */
export function withInUseProtection<O extends Resource, Status extends object>(
  kind: string,
  controller: Controller<O, Status>,
  usersOf: UsersOf,
): Controller<O, Status> {
  const usersOfObject = ({ metadata }: O): readonly Readable<VirtualMachine>[] =>
    usersOf(metadata.namespace, metadata.name).filter((vm) => vm.metadata.deletionTimestamp === undefined);
  return {
    name: controller.name,
    finalizer: `${controller.name}.infra.virtrigaud.io/finalizer`,
    needsFinalizer: (object) => usersOfObject(object).length > 0,
    async reconcile(object, pass) {
      const result = await controller.reconcile(object, pass);
      if (!pass.deleting) return result;
      const users = usersOfObject(object);
      return { ...result, outcome: users.length === 0 ? released : inUse(kind, users) };
    },
  };
}
