/** How a revert ended. Pure. */
import { asSentence } from '../../../src/lib/sentence.ts';
import type { VMSnapshot, VMSnapshotStatus } from '../../../src/api/index.ts';
import type { DomainCondition } from '../../../src/runtime/controller.ts';
import type { Task } from '../../shared/tasks/model.ts';
import type { Ending, OpenRevert } from '../model/revert.ts';
import type { TaskLabel } from '../model/tasks.ts';

/**
 * What PVE says before it touches a disk (PVE/AbstractConfig.pm, snapshot_rollback): it asks all storages first, and then
 * reverts one disk after the other. Words of a storage in the middle of that look alike.
 */
const REFUSALS =
  /^(?:snapshot '[^']*' does not exist|can't rollback, .*(?:most recent snapshot|more recent)|unable to rollback to incomplete snapshot|you can't rollback if vm is a template|VM is locked|Permission check failed)/i;

/** @returns undefined: it has not ended */
export function endingOf(task: Task<TaskLabel>): Ending | undefined {
  switch (task.state) {
    case 'ok':
      return { result: 'Reverted' };
    case 'failed':
      return failed(task.exit);
    case 'lost':
      return {
        result: 'Unknown',
        message: 'Proxmox VE no longer knows the task. Look at the VM to see which state it has.',
      };
    case 'running':
    case 'unreachable':
      return undefined;
    default:
      return task satisfies never;
  }
}

const failed = (exit: string): Ending =>
  REFUSALS.test(exit)
    ? { result: 'Failed', message: asSentence(exit) }
    : {
        result: 'Unknown',
        message: `${asSentence(exit)} Proxmox VE does not say how far it came: some disks may have been reverted. A lock that is left is removed with "qm unlock".`,
      };

const NOT_SENT: Ending = {
  result: 'NotRun',
  message: 'The VirtualMachine was deleted before the revert began.',
};

const LOST: Ending = {
  result: 'Unknown',
  message: 'The VirtualMachine was deleted while the revert was in progress.',
};

/** Nobody waits for a revert that nobody carries out: the VM is going. */
export function withoutOpenRevert(status: VMSnapshotStatus, now: number): VMSnapshotStatus {
  const { internal: { revert, ...internal } = {} } = status;
  if (!revert) return status;
  return { ...status, internal, lastRevert: lastRevert(revert, isSent(revert) ? LOST : NOT_SENT, now) };
}

const isSent = ({ state }: OpenRevert): boolean => state === 'Sent';

export const lastRevert = (
  { requestedAt }: Pick<OpenRevert, 'requestedAt'>,
  { result, message }: Ending,
  now: number,
): NonNullable<VMSnapshotStatus['lastRevert']> => ({
  requestedAt,
  result,
  ...(message !== undefined && { message: message.slice(0, MAX_TEXT) }),
  at: new Date(now).toISOString(),
});

const BECAUSE = { Failed: 'RevertFailed', Unknown: 'RevertUnknown', NotRun: 'RevertNotRun' } as const;

/** The snapshot is ready all the same, but what the spec asks for last was not done. */
export function revertConditions(
  { revert }: VMSnapshot['spec'],
  { lastRevert: last }: VMSnapshotStatus,
): readonly DomainCondition[] {
  if (!last || last.result === 'Reverted' || revert?.requestedAt !== last.requestedAt) return [];
  return [
    {
      type: 'Synced',
      status: 'False',
      reason: BECAUSE[last.result],
      message:
        `The revert requested at ${last.requestedAt} ended with ${last.result}. ${last.message ?? ''}`.trim(),
    },
  ];
}

// Limit of the schema of the status.
const MAX_TEXT = 1024;
