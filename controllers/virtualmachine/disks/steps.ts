/** Which steps are those on a disk. Pure. */
import type { DiskStep } from '../model/disks.ts';
import type { Step } from '../model/plan.ts';

const DISK_STEPS: Readonly<Record<DiskStep['do'], true>> = {
  attachDisk: true,
  growDisk: true,
  moveDisk: true,
  detachDisk: true,
  destroyDisk: true,
};

export const isDiskStep = (step: Step): step is DiskStep => step.do in DISK_STEPS;
