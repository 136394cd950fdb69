/** Which failures hold back nothing but what failed: those of a disk, and those of a move. Pure. */
import type { Failure } from './model.ts';

/** A step's name in status, and whether a guest must not boot without what it does. */
const DISK_STEPS: Readonly<Record<string, boolean>> = {
  attachDisk: true,
  resize: true,
  qmmove: false,
  detachDisk: false,
  destroyDisk: false,
};

export const isDiskFailure = ({ step }: Failure): boolean => step in DISK_STEPS;

export const isMoveFailure = ({ step }: Failure): boolean => step === 'qmigrate';

export const isNarrow = (failure: Failure): boolean => isDiskFailure(failure) || isMoveFailure(failure);

export const holdsStart = ({ step }: Failure): boolean => DISK_STEPS[step] === true;
