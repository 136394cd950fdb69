/** What is said of work of VMSnapshots on a guest. Pure. */
import { readable } from '../../../src/lib/readable.ts';
import { APPLY_AFTER_REVERT, type VirtualMachine } from '../../../src/api/index.ts';
import type { Observed } from '../model/observed.ts';
import type { SnapshotFacts } from '../model/revert.ts';

const DOING = {
  Create: 'is being taken',
  Delete: 'is being deleted in Proxmox VE',
  Revert: 'is being reverted to',
} as const;

/** @param task what it does */
export const snapshotBusy = (name: string, task: NonNullable<SnapshotFacts['task']>): string =>
  `The VMSnapshot ${name} ${DOING[task]}, and the VM is left alone meanwhile. Reconciliation resumes once that has ended.`;

export const revertRunning = (name: string): string =>
  `The VM waits for the revert to the VMSnapshot ${name} and is left alone meanwhile. How far it is, the VMSnapshot says.`;

/** Why the spec is not applied, and both ways on. */
export function restoredSentences({ revert, restoredDiffers = [] }: Observed): readonly string[] {
  if (!revert?.holds) return [];
  const { snapshot, requestedAt, uncertain = false } = revert.holds;
  const is = uncertain
    ? `It is unknown whether the VM was reverted to the VMSnapshot ${snapshot}, so its state is kept as it is:`
    : `The VM was reverted to the VMSnapshot ${snapshot} and keeps that state:`;
  const differs =
    restoredDiffers.length === 0
      ? 'apart from its power state the spec is not applied; nothing differs from it now.'
      : `apart from its power state the spec is not applied. What differs: ${restoredDiffers.join(', ')}.`;
  return [
    `${is} ${differs} To apply the spec, edit it, or to apply it as it is, set the annotation ${APPLY_AFTER_REVERT} to ${requestedAt}.`,
  ];
}

/** The annotation applies to one revert, and this is another. */
export function applyIgnored({ metadata, status }: VirtualMachine): readonly string[] {
  const applyAt = metadata.annotations[APPLY_AFTER_REVERT];
  const revert = status?.internal?.revert;
  if (applyAt === undefined || revert?.state !== 'Restored') return [];
  return Date.parse(applyAt) === Date.parse(revert.requestedAt)
    ? []
    : [
        `The annotation ${APPLY_AFTER_REVERT} is ${readable(applyAt, 40)}, and the VM keeps the state of the revert that was requested at ${revert.requestedAt}: it has no effect. Set it to ${revert.requestedAt} to apply the spec.`,
      ];
}
