/** What stays in Proxmox VE when a VMSnapshot is deleted without its snapshot. Pure. */
import type { VMSnapshot } from '../../../src/api/index.ts';
import type { LeftBehind } from '../model/plan.ts';

const WHY = {
  retained: 'spec.deletionPolicy is Retain.',
  vmDeleted: 'The VirtualMachine is being deleted, and its VM stays in Proxmox VE.',
  observeOnly: 'managementPolicy of the VirtualMachine is ObserveOnly.',
  notGranted: 'The Provider does not grant the deletion policy Delete.',
} as const;

/** `undefined`: no snapshot was ever asked for. */
export function leftBehind({ status }: VMSnapshot, why: keyof typeof WHY): LeftBehind | undefined {
  const { snapshotName, internal } = status ?? {};
  if (snapshotName === undefined) return undefined;
  return {
    message: `Left in Proxmox VE and no longer managed: snapshot ${snapshotName} of VM ${internal?.vmid ?? ''}. ${WHY[why]}`,
  };
}
