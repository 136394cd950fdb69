/** What a settled guest rests on. While it stays the same, nothing needs to be asked. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { GuestView } from '../../../src/pve/index.ts';
import { sha256Hex } from '../../../src/lib/hash.ts';
import type { ResolvedSpec } from '../resolve/resolve.ts';
import { roomIn } from '../placement/room.ts';

/** What the list of guests says of the guest now. */
export function listedAs({ status }: VirtualMachine, { connection }: ResolvedSpec): GuestView | undefined {
  return status?.vmid === undefined ? undefined : connection.inventory.view()?.guests.get(status.vmid);
}

/**
 * `undefined`: nothing to rest on. A digest, because the wish holds what Secrets say.
 * @param row from before the guest was read: of a list that came later it is not known whether the read agrees with it
 */
export function restKey(
  vm: VirtualMachine,
  resolved: ResolvedSpec,
  row: GuestView | undefined,
): string | undefined {
  const { connection: _connection, ...plain } = resolved;
  if (!row || vm.status?.task || !resolved.shape) return undefined;
  const prospect = prospectOf(row, resolved);
  const { vmid, node, status, lock, name, template, maxcpu, maxmem, tags, hastate } = row;
  return sha256Hex(
    JSON.stringify([
      vm.metadata.generation,
      plain,
      { vmid, node, status, lock, name, template, maxcpu, maxmem, tags, hastate, prospect },
    ]),
  );
}

/** Of a guest that waits to be moved: whether the node it shall be on can take it, as far as the list of nodes tells. */
function prospectOf({ node, maxmem }: GuestView, { host, connection }: ResolvedSpec): unknown {
  const view = connection.inventory.view();
  if (host === undefined || host === node || !view) return undefined;
  const target = view.nodes.find(({ name }) => name === host);
  return target && { online: target.online, takes: roomIn(view, NOTHING).memoryOf(target) >= (maxmem ?? 0) };
}

const NOTHING = { memory: new Map<string, number>(), space: new Map<string, number>() };

/**
 * Whether the list of guests agrees with what was just read. It lags behind, and of two changes between two lists,
 * such as a start and the stop after it, it tells nothing.
 */
export function isListed(vm: VirtualMachine, resolved: ResolvedSpec): boolean {
  const listed = listedAs(vm, resolved)?.status ?? 'unknown';
  return listed === 'unknown' || listed === (vm.status?.powerState === 'On' ? 'running' : 'stopped');
}
