/**
 * VMIDs of objects that were deleted by force: what they made in Proxmox VE may still exist, so no other VM gets the
 * number. Their Provider lists them in its status; here is what it has not written yet, and since when each is known.
 */
import { seconds, vmid, type Vmid } from '../../../src/lib/units.ts';
import type { View } from '../../../src/pve/index.ts';

export interface ForceDeletedVm {
  readonly vmid: Vmid;
  /** Name in Proxmox VE, and node, as last known. */
  readonly name?: string | undefined;
  readonly node?: string | undefined;
}

export interface ForceDeleted {
  /**
   * @param provider as `namespace/name`
   * @returns since when it is known here, in epoch ms
   */
  add(provider: string, vm: ForceDeletedVm): number;
  /** Those of a Provider. Its status has those that an earlier process knew. */
  of(provider: string, inStatus: readonly ForceDeletedVm[]): readonly ForceDeletedVm[];
  /** Forgets those that certainly do not exist, or that an object has again. */
  prune(provider: string, view: View, claimed: () => ReadonlySet<Vmid>): void;
  forget(provider: string): void;
  /** The numbers of all Providers for which this holds. */
  reserved(isConcerned: (provider: string) => boolean): readonly Vmid[];
}

/** Before, a clone that was requested may still arrive, and the object that is being deleted has the VMID itself. */
const CERTAIN_AFTER = seconds(60);

interface Known extends ForceDeletedVm {
  /** Epoch ms: since when this process knows of it. */
  readonly at: number;
}

/** @param onAdded the status of this Provider lacks one now */
export function createForceDeleted(
  now: () => number,
  onAdded: (provider: string) => void = () => undefined,
): ForceDeleted {
  const byProvider = new Map<string, Map<Vmid, Known>>();

  function knownOf(provider: string): Map<Vmid, Known> {
    const known = byProvider.get(provider) ?? new Map<Vmid, Known>();
    byProvider.set(provider, known);
    return known;
  }

  return {
    add(provider, vm) {
      const before = knownOf(provider).get(vm.vmid);
      if (before) return before.at;
      const at = now();
      knownOf(provider).set(vm.vmid, { ...vm, at });
      onAdded(provider);
      return at;
    },
    of(provider, inStatus) {
      const known = knownOf(provider);
      for (const vm of inStatus) if (!known.has(vm.vmid)) known.set(vm.vmid, { ...vm, at: now() });
      return [...known.values()].toSorted((a, b) => a.vmid - b.vmid);
    },
    prune(provider, view, claimed) {
      const known = byProvider.get(provider);
      if (!known || known.size === 0) return;
      const inUse = claimed();
      for (const { vmid: number, at } of known.values())
        if (now() - at > CERTAIN_AFTER && (inUse.has(number) || isAbsent(number, view))) known.delete(number);
    },
    forget: (provider) => void byProvider.delete(provider),
    reserved: (isConcerned) =>
      [...byProvider].flatMap(([provider, known]) => (isConcerned(provider) ? [...known.keys()] : [])),
  };
}

/** No guest, and no task that could still make one. Where the list may be incomplete, nothing is certain. */
const isAbsent = (number: Vmid, view: View): boolean =>
  view.staleSince === undefined &&
  view.quorate === 'yes' &&
  !view.guests.has(number) &&
  !view.activeTasks.some(({ id }) => id === String(number));

/** As a Provider's status lists them. */
export const forceDeletedIn = (
  status:
    | {
        readonly discovered?:
          | {
              readonly vms: readonly (Omit<ForceDeletedVm, 'vmid'> & {
                readonly vmid: number;
                readonly forceDeleted?: boolean | undefined;
              })[];
            }
          | undefined;
      }
    | undefined,
): readonly ForceDeletedVm[] =>
  (status?.discovered?.vms ?? []).flatMap(({ vmid: number, name, node, forceDeleted }) =>
    forceDeleted ? [{ vmid: vmid(number), name, node }] : [],
  );
