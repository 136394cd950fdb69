/** What stays in Proxmox VE when a VMSnapshot, or its VirtualMachine, is deleted without its snapshot. Pure. */
import type { VMSnapshot } from '../../../src/api/index.ts';
import type { LeftBehind } from '../model/plan.ts';
import type { Fate } from './fate.ts';

const WHY = {
  retained: 'spec.deletionPolicy is Retain.',
  vmDeleted: 'The VirtualMachine is being deleted, and its VM stays in Proxmox VE.',
  observeOnly: 'managementPolicy of the VirtualMachine is ObserveOnly.',
  notGranted: 'The Provider does not grant the deletion policy Delete.',
} as const;

export const snapshotIn = ({ status }: VMSnapshot): string =>
  `snapshot ${status?.snapshotName ?? ''} of VM ${status?.internal?.vmid ?? ''}`;

/** `undefined`: no snapshot was ever asked for. */
export function leftBehind(snapshot: VMSnapshot, why: keyof typeof WHY): LeftBehind | undefined {
  if (snapshot.status?.snapshotName === undefined) return undefined;
  return { message: `Left in Proxmox VE and no longer managed: ${snapshotIn(snapshot)}. ${WHY[why]}` };
}

/** Of a VirtualMachine that is being deleted. */
export const leftWith = (snapshot: VMSnapshot, fate: Fate): LeftBehind | undefined =>
  fate === 'stays' ? leftBehind(snapshot, 'vmDeleted') : undefined;

/** With the guest all of its snapshots are destroyed: a sentence. */
export function becomes(snapshot: VMSnapshot, fate: Fate): string {
  switch (fate) {
    case 'destroyed':
      return 'The snapshot is destroyed with its VM in Proxmox VE.';
    case 'stays':
      return 'Its VM in Proxmox VE stays, and so does the snapshot.';
    case 'unknown':
      return `If its VM in Proxmox VE is destroyed with it, so is this snapshot; if it is retained, ${snapshotIn(snapshot)} stays there and is no longer managed.`;
    default:
      return fate satisfies never;
  }
}
