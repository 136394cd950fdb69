/** Which failures are those of a disk. They hold back the work on disks, and nothing else. Pure. */
import type { Failure } from '../model.ts';

/** A step's name in status, and whether a guest must not boot without what it does. */
const DISK_STEPS: Readonly<Record<string, boolean>> = {
  attachDisk: true,
  resize: true,
  qmmove: false,
  detachDisk: false,
  destroyDisk: false,
};

export const isDiskFailure = ({ step }: Failure): boolean => step in DISK_STEPS;

export const holdsStart = ({ step }: Failure): boolean => DISK_STEPS[step] === true;
