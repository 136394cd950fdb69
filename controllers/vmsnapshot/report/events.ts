/** What is worth an event. Pure. */
import type { Reason, VMSnapshot } from '../../../src/api/index.ts';
import type { EventNote } from '../../../src/runtime/controller.ts';
import { condition, normal, warning } from '../../shared/errors/event.ts';
import { failureMessage } from '../../shared/tasks/labels.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan } from '../model/plan.ts';
import { TASKS } from '../model/tasks.ts';
import type { Started } from '../perform/perform.ts';
import { ownOf } from '../model/own.ts';
import type { Facts } from './status.ts';

export function eventsOf(
  snapshot: VMSnapshot,
  { have, started, next, resolved }: Facts,
): readonly EventNote[] {
  const { vmid } = resolved.want;
  const name = have.name ?? '';
  return [
    ...(started?.kind === 'task' && started.type === 'Create'
      ? [normal('TakingSnapshot', `Taking snapshot ${name} of VM ${vmid}.`)]
      : []),
    ...(started?.kind === 'task' && started.type === 'Delete'
      ? [normal('DeletingSnapshot', `Deleting snapshot ${name} of VM ${vmid}.`)]
      : []),
    ...(next.kind === 'settled' && ownOf(have) && snapshot.status?.readyToUse !== true
      ? [normal('SnapshotTaken', `Snapshot ${name} of VM ${vmid} is complete.`), ...quiesceEvents(have)]
      : []),
    ...revertEvents(started, vmid, name),
    ...heldEvents(snapshot, next),
    ...failureEvents(have),
  ];
}

function revertEvents(started: Started | undefined, vmid: number, name: string): readonly EventNote[] {
  if (started?.kind === 'revertOpen' && started.open.state === 'Announced')
    return [normal('RevertAnnounced', `VM ${vmid} is to be reverted to snapshot ${name}.`)];
  if (started?.kind === 'task' && started.type === 'Revert')
    return [normal('RevertingVM', `Reverting VM ${vmid} to snapshot ${name}.`)];
  if (started?.kind !== 'revertEnded') return [];
  const { result, message = '' } = started.ending;
  switch (result) {
    case 'Reverted':
      return [normal('VMReverted', `VM ${vmid} has the state of snapshot ${name}.`)];
    case 'NotRun':
      return [warning('RevertNotRun', message)];
    case 'Failed':
      return [warning('RevertFailed', message)];
    case 'Unknown':
      return [warning('RevertUnknown', message)];
    default:
      return result satisfies never;
  }
}

const quiesceEvents = ({ takenAs }: Observed): readonly EventNote[] =>
  takenAs?.indications.includes('QuiesceFailed') === true
    ? [
        warning(
          'QuiesceFailed',
          'The guest agent could not freeze the file systems, so the snapshot is crash-consistent. The log of the task says why.',
        ),
      ]
    : [];

/** Once, when the wait begins. */
const heldEvents = ({ status }: VMSnapshot, next: Plan): readonly EventNote[] =>
  next.kind === 'wait' &&
  KEEPS_THE_OBJECT.has(next.reason) &&
  !(status?.conditions ?? []).some(({ reason }) => reason === next.reason)
    ? [condition(next.reason, next.message)]
    : [];

const KEEPS_THE_OBJECT: ReadonlySet<string> = new Set<Reason>(['InUse', 'SnapshotProtected']);

const failureEvents = ({ task, failure }: Observed): readonly EventNote[] =>
  task?.state === 'failed' && task.type !== 'Revert' && failure
    ? [warning('TaskFailed', failureMessage(TASKS, failure))]
    : [];
