/** One step on a disk is one request to PVE. */
import type { CallOptions, Qemu } from '../../../src/pve/index.ts';
import type { Upid } from '../../../src/lib/units.ts';
import type { DiskStep } from '../model/disks.ts';

/** @returns the task that it started; `undefined`: PVE completed the request without a task */
export async function changeDisk(
  step: DiskStep,
  qemu: Qemu,
  options: CallOptions,
): Promise<Upid | undefined> {
  const { digest } = step;
  switch (step.do) {
    case 'attachDisk':
      return qemu.setConfig({ [step.device]: step.text }, { digest }, options);
    case 'growDisk':
      return qemu.resize({ disk: step.disk, size: step.to, digest }, options);
    case 'moveDisk':
      return qemu.moveDisk({ disk: step.disk, storage: step.storage, digest }, options);
    // The volume stays with the guest as `unusedN`; deleting that entry destroys the volume.
    case 'detachDisk':
      return qemu.setConfig({}, { digest, delete: [step.device] }, options);
    case 'destroyDisk':
      return qemu.setConfig({}, { digest, delete: [step.unused] }, options);
    default:
      return step satisfies never;
  }
}
