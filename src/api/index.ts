/** Every kind; what is generated is generated from this list. */
import type { Kind } from './kind.ts';
import { Provider } from './provider.ts';
import { VirtualMachine } from './virtualmachine.ts';
import { VMClass } from './vmclass.ts';
import { VMClone } from './vmclone.ts';
import { VMImage } from './vmimage.ts';
import { VMPlacementPolicy } from './vmplacementpolicy.ts';
import { VMSnapshot } from './vmsnapshot.ts';
import { VMSnapshotSchedule } from './vmsnapshotschedule.ts';

export const KINDS: readonly Kind[] = [
  Provider,
  VirtualMachine,
  VMClass,
  VMImage,
  VMSnapshot,
  VMSnapshotSchedule,
  VMClone,
  VMPlacementPolicy,
];

export * from './annotations.ts';
export { INITIAL_STATUS, isObserved } from './conditions.ts';
export * from './defaults.ts';
export { baseNameOf, compressionOf, formatOf } from './file-endings.ts';
export * from './group.ts';
export * from './kind.ts';
export * from './provider.ts';
export * from './reasons.ts';
export * from './resource.ts';
export * from './virtualmachine.ts';
export * from './vmclass.ts';
export * from './vmclone.ts';
export * from './vmimage.ts';
export { MAX_FILES, MAX_TEMPLATES } from './vmimage-download.ts';
export * from './vmplacementpolicy.ts';
export * from './vmsnapshot.ts';
export * from './vmsnapshotschedule.ts';
export type { LabelSelector } from './selector.ts';
export * from './snapshot-labels.ts';
export * from './clone-labels.ts';
