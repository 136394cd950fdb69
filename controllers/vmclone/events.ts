/** Events of a VMClone: the VirtualMachine was created, and what the finished copy is. Pure. */
import type { VMClone, VMCloneStatus } from '../../src/api/index.ts';
import type { EventNote } from '../../src/runtime/controller.ts';
import { normal } from '../shared/errors/event.ts';

/** Each comes once, with the report that is the first to say so. */
export function eventsOf(
  { status: before }: VMClone,
  after: VMCloneStatus,
  leftOut: readonly string[] = [],
): readonly EventNote[] {
  const isNew = before?.targetUID === undefined;
  const isFinished = before?.completionTime === undefined && after.completionTime !== undefined;
  return [...(isNew ? [created(after, leftOut)] : []), ...(isFinished ? finished(after) : [])];
}

const textOf = ({ targetRef }: VMCloneStatus): string =>
  `VirtualMachine ${targetRef?.namespace ?? ''}/${targetRef?.name ?? ''}`;

const created = (status: VMCloneStatus, leftOut: readonly string[]): EventNote =>
  normal(
    'CopyCreated',
    `${textOf(status)} was created.${leftOut.length === 0 ? '' : ` Not taken over from the source: ${leftOut.join('; ')}.`}`,
  );

function finished(status: VMCloneStatus): readonly EventNote[] {
  const why = status.cloneTypeReason === undefined ? '' : `, because ${status.cloneTypeReason}`;
  const type = status.cloneType === undefined ? '' : `, a ${status.cloneType.toLowerCase()} clone${why}`;
  return [
    normal(
      'Cloned',
      `${textOf(status)} is complete: VM ${status.vmid ?? ''} in Proxmox VE${type}. Its disks keep the machine-id of the source; its event GuestCopied says what replaces it.`,
    ),
  ];
}
