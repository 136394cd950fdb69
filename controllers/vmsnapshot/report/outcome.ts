/** What a pass found → its result, for the engine and for the user. Pure. */
import { isObserved, type VMSnapshot, type VMSnapshotStatus } from '../../../src/api/index.ts';
import { millis, minutes, seconds } from '../../../src/lib/units.ts';
import type { ReconcileResult } from '../../../src/runtime/controller.ts';
import {
  progressed,
  released,
  settled,
  stalled,
  suspended,
  unchanged,
  waiting,
  type Outcome,
} from '../../../src/runtime/outcome.ts';
import { normal } from '../../shared/errors/event.ts';
import type { Unresolved } from '../../shared/objects/unresolved.ts';
import { taskMessage } from '../../shared/tasks/labels.ts';
import type { LeftBehind, Plan, Step } from '../model/plan.ts';
import { TASKS } from '../model/tasks.ts';
import { isRecorded, type Started } from '../perform/record.ts';
import { deadlineExceeded } from '../plan/rules/creation.ts';
import { deadlineOf } from '../resolve/resolve.ts';
import { revertConditions, withoutOpenRevert } from '../revert/ending.ts';
import { eventsOf } from './events.ts';
import { ignoredConditions } from './ignored.ts';
import { statusOf, type Facts } from './status.ts';

export type SnapshotResult = ReconcileResult<VMSnapshotStatus>;

/** A task that was just started is read again soon: the shortest takes a tenth of a second. */
const SOON = millis(50);
const LATER = seconds(30);
const RETRY_SOON = seconds(5);

export function resultOf(snapshot: VMSnapshot, facts: Facts): SnapshotResult {
  const status = statusOf(snapshot, facts);
  return {
    outcome: outcomeOf(facts.next, facts.started),
    status,
    conditions: [...revertConditions(snapshot.spec, status), ...ignoredConditions(facts)],
    events: eventsOf(snapshot, facts),
    // With the name, vmRef becomes immutable, and it may have been edited since it was read.
    bindsGeneration: facts.started?.kind === 'announced',
  };
}

function doing(step: Step): string {
  if (isRecorded(step)) return 'Preparing: reverting the VM to the snapshot.';
  const deletes = step.do === 'announce' && step.request === 'Delete';
  return `Preparing: ${deletes ? 'deleting' : 'taking'} the snapshot.`;
}

function outcomeOf(next: Plan, started: Started | undefined): Outcome {
  switch (next.kind) {
    case 'settled':
      return settled();
    case 'gone':
      return released;
    case 'wait':
      return waiting(next.reason, next.message, millis(next.againMs));
    case 'refuse':
      return stalled(
        next.reason,
        next.message,
        next.againMs === undefined ? minutes(30) : millis(next.againMs),
      );
    case 'act':
      return started?.kind === 'task'
        ? waiting('TaskRunning', taskMessage(TASKS, started.type), SOON)
        : progressed('StepTaken', doing(next.step));
    default:
      return next satisfies never;
  }
}

/** The finalizer is removed; an event names what stays. */
export const releasedResult = ({ status }: VMSnapshot, left: LeftBehind | undefined): SnapshotResult => ({
  outcome: released,
  status: withoutConditions(status),
  ...retained(left),
});

const retained = (left: LeftBehind | undefined): Pick<SnapshotResult, 'events'> =>
  left ? { events: [normal('Retained', left.message)] } : {};

/** Nothing new was observed. */
export const keptResult = ({ status }: VMSnapshot, outcome: Outcome): SnapshotResult => ({
  outcome,
  status: withoutConditions(status),
});

const withoutConditions = ({ conditions: _conditions, ...status }: VMSnapshotStatus = {}): VMSnapshotStatus =>
  status;

/** What stays is named by one event, as soon as it is known. */
export function vmDeletedResult(
  snapshot: VMSnapshot,
  { message, left }: { readonly message: string; readonly left?: LeftBehind | undefined },
  now: number,
): SnapshotResult {
  const {
    task: _task,
    failure: _failure,
    ...status
  } = withoutOpenRevert(withoutConditions(snapshot.status), now);
  return {
    outcome: suspended('False', 'VMDeleted', message),
    status: { ...status, readyToUse: false },
    ...retained(isReported(snapshot, message) ? undefined : left),
  };
}

const isReported = ({ status }: VMSnapshot, message: string): boolean =>
  (status?.conditions ?? []).some(
    (each) => each.type === 'Ready' && each.reason === 'VMDeleted' && each.message === message,
  );

export const pausedResult = (snapshot: VMSnapshot, message: string): SnapshotResult =>
  keptResult(
    snapshot,
    snapshot.metadata.deletionTimestamp === undefined
      ? suspended('Unknown', 'ManagementPaused', message)
      : waiting('ManagementPaused', message, minutes(30)),
  );

/** @param now epoch ms */
export function unresolvedResult(snapshot: VMSnapshot, missing: Unresolved, now: number): SnapshotResult {
  const { reason, message, early, silentSince } = missing;
  // Otherwise every start of the operator would report all snapshots as not ready for a moment.
  if (early && isObserved(snapshot.status)) return keptResult(snapshot, unchanged(RETRY_SOON));
  // A snapshot is what it is, whether its server answers or not.
  if (silentSince !== undefined && isReady(snapshot)) return keptResult(snapshot, unchanged(LATER));
  const at = deadlineOf(snapshot);
  if (at !== undefined && now > at && isNotBegun(snapshot)) {
    const { reason: exceeded, message: why } = deadlineExceeded(message);
    return keptResult(snapshot, stalled(exceeded, why));
  }
  return keptResult(snapshot, waiting(reason, message, early ? RETRY_SOON : LATER));
}

/** Nothing was requested that may still take it. */
const isNotBegun = ({ metadata, status }: VMSnapshot): boolean =>
  metadata.deletionTimestamp === undefined &&
  status?.creationTime === undefined &&
  status?.task === undefined &&
  status?.internal?.requestedAt === undefined;

/** The last report says that it is complete. */
export const isReady = ({ metadata, status }: VMSnapshot): boolean =>
  metadata.deletionTimestamp === undefined &&
  status?.readyToUse === true &&
  status.observedGeneration === metadata.generation;
