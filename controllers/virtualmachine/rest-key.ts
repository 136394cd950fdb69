/** What a settled guest rests on. While it stays the same, nothing needs to be asked. */
import type { VirtualMachine } from '../../src/api/index.ts';
import { sha256Hex } from '../../src/lib/hash.ts';
import type { Wish } from './resolve.ts';

/** `undefined`: nothing to rest on. A digest, because the wish holds what Secrets say. */
export function restKey(vm: VirtualMachine, { connection, ...wish }: Wish): string | undefined {
  const { vmid, task } = vm.status ?? {};
  const row = vmid === undefined ? undefined : connection.inventory.view()?.guests.get(vmid);
  if (!row || task || !wish.shape) return undefined;
  const { node, status, lock, name, template, maxcpu, maxmem, tags } = row;
  return sha256Hex(
    JSON.stringify([
      vm.metadata.generation,
      wish,
      { vmid, node, status, lock, name, template, maxcpu, maxmem, tags },
    ]),
  );
}

/**
 * Whether the list of guests agrees with what was just read. It lags behind, and of two changes between two lists,
 * such as a start and the stop after it, it tells nothing.
 */
export function isListed({ status = {} }: VirtualMachine, { connection }: Wish): boolean {
  const { vmid, powerState } = status;
  const row = vmid === undefined ? undefined : connection.inventory.view()?.guests.get(vmid);
  return row?.status !== (powerState === 'On' ? 'stopped' : 'running');
}
