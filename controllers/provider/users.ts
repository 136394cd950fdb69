/** Which VMs keep a Provider. Pure. */
import type { Provider, VirtualMachine } from '../../src/api/index.ts';
import type { Readable } from '../../src/runtime/controller.ts';
import { grantOf } from '../shared/grants/grants.ts';
import { mayHaveGuest } from '../shared/objects/may-have-guest.ts';

/** Those that may use it, and those whose guests were made through it. Whoever merely names it keeps nothing. */
export const usersOfProvider = (
  provider: Readable<Provider>,
  users: readonly Readable<VirtualMachine>[],
): readonly Readable<VirtualMachine>[] =>
  users.filter((vm) => grantOf(provider, vm.metadata.namespace) !== undefined || mayHaveGuest(vm));
