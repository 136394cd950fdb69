/**
 * Reserves VMIDs of one PVE cluster. PVE reserves nothing: two clients that ask for the next free VMID get the
 * same one. So every VMID is reserved here, from when it is considered until a status contains it.
 */
import type { Pve, View } from '../../../src/pve/index.ts';
import { minutes, vmid, type Vmid } from '../../../src/lib/units.ts';

export interface VmidRange {
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
}

export interface VmidAllocator {
  /** A VMID that is free now. `undefined`: the range has none left. */
  reserve(pve: Pve, view: View, range?: VmidRange): Promise<Vmid | undefined>;
  /** Reserves a VMID that the user chose, so that no other VM gets it. */
  hold(number: Vmid): void;
  /** The VMID is no longer ours. It is not reserved again for ten minutes: others may still mean the old guest. */
  release(number: Vmid): void;
  /** A VMID of the range that no guest has, and that was released less than ten minutes ago. */
  coolingDown(view: View, range?: VmidRange): Vmid | undefined;
}

export interface SharedVmids extends VmidAllocator {
  /** What is reserved there is not reserved here either. */
  absorb(other: SharedVmids): void;
  /** Until when, in epoch ms. */
  held(): Iterable<readonly [Vmid, number]>;
}

const COOL_DOWN = minutes(10);
const HIGHEST = 999_999_999;

/** @param claimed the VMIDs in the status of the VirtualMachines of this PVE cluster */
export function createVmidAllocator(claimed: () => ReadonlySet<Vmid>, now: () => number): SharedVmids {
  const heldUntil = new Map<Vmid, number>();
  const released = new Set<Vmid>();
  const asking = new WeakMap<Pve, Promise<Vmid | undefined>>();

  const isHeld = (number: Vmid): boolean => (heldUntil.get(number) ?? 0) > now();

  /** Many ask at the same time; one answer is good for all of them. */
  function lowestFree(pve: Pve): Promise<Vmid | undefined> {
    const known = asking.get(pve) ?? askForLowest(pve).finally(() => asking.delete(pve));
    asking.set(pve, known);
    return known;
  }

  const hold = (number: Vmid): void => void heldUntil.set(number, now() + COOL_DOWN);

  /**
   * PVE itself sees guests that our credentials may not see.
   *
   * @param answered PVE has just said that it is free; if it was taken since, PVE refuses it
   */
  async function isFree(pve: Pve, number: Vmid, answered: Vmid | undefined): Promise<boolean> {
    hold(number);
    if (number === answered) return true;
    try {
      return (await pve.cluster.nextid(number)).free;
    } catch (error) {
      heldUntil.delete(number);
      throw error;
    }
  }

  async function find(pve: Pve, view: View, range: VmidRange | undefined): Promise<Vmid | undefined> {
    const answered = range ? undefined : await lowestFree(pve);
    const lowest = range ? vmid(range.start) : answered;
    if (lowest === undefined) return undefined;
    // Collected once: with many VMs that ask at the same time, hundreds of VMIDs are checked for each.
    const inStatus = claimed();
    for (let n: number = lowest; n <= (range?.end ?? HIGHEST); n += 1) {
      const number = vmid(n);
      const taken = view.guests.has(number) || inStatus.has(number) || isHeld(number);
      if (!taken && (await isFree(pve, number, answered))) return number;
    }
    return undefined;
  }

  return {
    reserve(pve, view, range) {
      for (const [number, until] of heldUntil) {
        if (until > now()) continue;
        heldUntil.delete(number);
        released.delete(number);
      }
      return find(pve, view, range);
    },
    hold,
    release(number) {
      hold(number);
      released.add(number);
    },
    coolingDown(view, range) {
      const inStatus = claimed();
      return [...released].find(
        (number) =>
          isHeld(number) &&
          number >= (range?.start ?? 0) &&
          number <= (range?.end ?? HIGHEST) &&
          !view.guests.has(number) &&
          !inStatus.has(number),
      );
    },
    absorb(other) {
      for (const [number, until] of other.held())
        heldUntil.set(number, Math.max(until, heldUntil.get(number) ?? 0));
    },
    held: () => heldUntil,
  };
}

async function askForLowest(pve: Pve): Promise<Vmid | undefined> {
  const next = await pve.cluster.nextid();
  return next.free ? next.vmid : undefined;
}
