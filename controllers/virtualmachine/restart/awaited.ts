/**
 * The pending changes that the spec asks for. Other pending changes were made in Proxmox VE,
 * on any device, and never cause a restart. Pure.
 */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { configChange, type ChangeContext } from '../config/change.ts';
import { inForce } from '../config/size.ts';
import type { Guest, PendingChange } from '../../shared/guests/model.ts';
import type { Desired } from '../model/desired.ts';

type Wanted = Extract<Desired, { exists: true }>;

/** Keys of the guest's configuration. */
export function awaitedKeys(
  vm: VirtualMachine,
  want: Wanted,
  guest: Guest,
  context: ChangeContext,
): readonly string[] {
  if (guest.pending.length === 0) return [];
  // What would be written if nothing were pending.
  const change = configChange(vm, want, { ...guest, config: inForce(guest), pending: [] }, context);
  const keys = new Set([...Object.keys(change?.set ?? {}), ...(change?.delete ?? [])]);
  return guest.pending
    .filter((row) => keys.has(row.key) || isDiskOfOurs(vm, want, row))
    .map(({ key }) => key);
}

/** A disk that the spec names is to be attached, or one that it named is to be detached. */
function isDiskOfOurs(
  { status }: VirtualMachine,
  want: Wanted,
  { key, current, pending }: PendingChange,
): boolean {
  const disk = status?.disks?.find(({ device }) => device === key);
  if (!disk) return false;
  const isWanted = want.disks?.some(({ name }) => name === disk.name) === true;
  return isWanted ? current === undefined : pending === undefined;
}
