/** Which VMs keep a Provider, and the copy of its credentials. Pure. */
import type { Provider, VirtualMachine } from '../../src/api/index.ts';
import type { Readable } from '../../src/runtime/controller.ts';
import { grantOf, isUndecided } from '../shared/grants/grants.ts';
import type { Namespaces } from '../shared/grants/namespaces.ts';
import { mayHaveGuest } from '../shared/objects/may-have-guest.ts';

/**
 * Those that may use it, and those whose guests were made through it. Whoever merely names it keeps nothing.
 * @param provider absent: it is gone, and with it what it granted other namespaces
 */
export const usersOfProvider = (
  { namespace, provider }: { readonly namespace: string; readonly provider: Readable<Provider> | undefined },
  users: readonly Readable<VirtualMachine>[],
  namespaces: Namespaces,
): readonly Readable<VirtualMachine>[] =>
  users.filter(
    (vm) =>
      mayHaveGuest(vm) ||
      (provider ? mayUse(provider, vm.metadata.namespace, namespaces) : vm.metadata.namespace === namespace),
  );

const mayUse = (provider: Readable<Provider>, namespace: string, namespaces: Namespaces): boolean =>
  grantOf(provider, namespace, namespaces) !== undefined || isUndecided(provider, namespace, namespaces);
