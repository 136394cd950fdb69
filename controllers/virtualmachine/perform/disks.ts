/** One step on a disk → one request to PVE. */
import type { CallOptions, Qemu } from '../../../src/pve/index.ts';
import type { Upid } from '../../../src/lib/units.ts';
import type { DiskStep } from '../model/disks.ts';

interface Begun {
  /** What the step is called in status while its task runs, and if it fails. */
  readonly type: string;
  readonly upid: Upid | undefined;
}

export async function changeDisk(step: DiskStep, qemu: Qemu, options: CallOptions): Promise<Begun> {
  const { digest } = step;
  switch (step.do) {
    case 'attachDisk':
      return { type: step.do, upid: await qemu.setConfig({ [step.device]: step.text }, { digest }, options) };
    case 'growDisk':
      return { type: 'resize', upid: await qemu.resize({ disk: step.disk, size: step.to, digest }, options) };
    case 'moveDisk': {
      const { disk, storage } = step;
      return { type: 'qmmove', upid: await qemu.moveDisk({ disk, storage, digest }, options) };
    }
    // The volume stays with the guest as `unusedN`; to delete that entry is to destroy the volume.
    case 'detachDisk':
      return { type: step.do, upid: await qemu.setConfig({}, { digest, delete: [step.device] }, options) };
    case 'destroyDisk':
      return { type: step.do, upid: await qemu.setConfig({}, { digest, delete: [step.unused] }, options) };
    default:
      return step satisfies never;
  }
}
