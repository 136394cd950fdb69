/** What is worth an event. Pure. */
import type { VMSnapshot } from '../../../src/api/index.ts';
import type { EventNote } from '../../../src/runtime/controller.ts';
import { normal, warning } from '../../shared/errors/event.ts';
import { failureMessage } from '../../shared/tasks/labels.ts';
import type { Observed } from '../model/observed.ts';
import { TASKS } from '../model/tasks.ts';
import { ownOf } from '../plan/rules/recognition.ts';
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
    ...failureEvents(have),
  ];
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

const failureEvents = ({ task, failure }: Observed): readonly EventNote[] =>
  task?.state === 'failed' && failure ? [warning('TaskFailed', failureMessage(TASKS, failure))] : [];
