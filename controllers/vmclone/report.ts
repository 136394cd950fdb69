/** What is reported about a VMClone. Pure. */
import { endsOnlyByEdit } from '../shared/errors/only-by-edit.ts';
import { isObserved, type VirtualMachine, type VMClone, type VMCloneStatus } from '../../src/api/index.ts';
import { omitUndefined } from '../../src/lib/omit-undefined.ts';
import { minutes, seconds } from '../../src/lib/units.ts';
import type { DomainCondition, Readable, ReconcileResult } from '../../src/runtime/controller.ts';
import {
  progressed,
  settled,
  stalled,
  suspended,
  unchanged,
  waiting,
  type Outcome,
} from '../../src/runtime/outcome.ts';
import { eventsOf } from './events.ts';
import type { Place, Refusal } from './model.ts';

type Copy = Readable<VirtualMachine>;
type CloneResult = ReconcileResult<VMCloneStatus>;

/** A change of the VM asks for a pass; this is for what no watch tells. */
const LATER = minutes(10);
const RETRY = seconds(30);
const RETRY_SOON = seconds(2);

const kept = ({ status: { conditions: _conditions, ...status } = {} }: VMClone): VMCloneStatus => status;

/** Nothing was made. */
export function refused(clone: VMClone, { reason, message, final, early }: Refusal): CloneResult {
  // Otherwise every start of the operator would report another reason for a moment.
  if (early === true && isObserved(clone.status)) return { outcome: unchanged(RETRY_SOON), status: {} };
  return {
    outcome:
      (final ?? endsOnlyByEdit(reason))
        ? stalled(reason, message, LATER)
        : waiting(reason, message, early ? RETRY_SOON : RETRY),
    status: kept(clone),
  };
}

/** Written before the VirtualMachine is created: only an object of this name may be the copy. */
export const announced = (clone: VMClone, { namespace, name }: Place): CloneResult => ({
  outcome: progressed('StepTaken', `Preparing: creating VirtualMachine ${namespace}/${name}.`),
  status: { ...kept(clone), targetRef: { namespace, name }, targetGeneration: clone.metadata.generation },
  // The sources become immutable, and they may have been edited since they were read.
  bindsGeneration: true,
});

/** Another object came first, or the cache does not show the own one yet: the next pass sees which. */
export const inDoubt = (clone: VMClone, { namespace, name }: Place): CloneResult => ({
  outcome: waiting('ChangedMeanwhile', `VirtualMachine ${namespace}/${name} was just created.`, seconds(1)),
  status: kept(clone),
});

/** The VMClone was edited or deleted meanwhile. */
export const nothingDone: CloneResult = { outcome: unchanged(RETRY_SOON), status: {} };

/** It acts once. */
export const copyDeleted = (clone: VMClone): CloneResult => ({
  outcome: suspended(
    'False',
    'VMDeleted',
    `VirtualMachine ${textOf(clone.status?.targetRef)} was deleted. A VMClone makes one copy only: to make another one, create another VMClone. This object can be deleted.`,
  ),
  status: omitUndefined({ ...kept(clone), progress: undefined }),
  conditions: ignored(clone, clone.status),
});

const textOf = (place: Place | undefined): string => `${place?.namespace ?? ''}/${place?.name ?? ''}`;

/** Another operator may watch its namespace. */
export const copyNotWatched = (clone: VMClone, { namespace, name }: Place): CloneResult => ({
  outcome: suspended(
    'Unknown',
    'NamespaceNotWatched',
    `VirtualMachine ${namespace}/${name} was made, and is in a namespace that this operator does not watch. Its own condition Ready says how it is; to have it reported here, start the operator with --watch-namespace ${namespace} as well.`,
  ),
  status: kept(clone),
  conditions: ignored(clone, clone.status),
});

/** @param leftOut what the copy did not get of its source; absent where it was created earlier */
export function copyReport(clone: VMClone, copy: Copy, leftOut?: readonly string[]): CloneResult {
  const { name, namespace, uid } = copy.metadata;
  const before = clone.status;
  const status: VMCloneStatus = omitUndefined({
    ...before,
    conditions: undefined,
    targetRef: { name, namespace },
    targetUID: uid,
    targetGeneration: before?.targetGeneration ?? clone.metadata.generation,
    ...howMade(clone, copy),
    progress: copy.status?.task?.progress,
    completionTime: before?.completionTime ?? copy.status?.createdAt,
  });
  return {
    outcome: outcomeOf(clone, copy, status),
    status,
    conditions: ignored(clone, status),
    events: eventsOf(clone, status, leftOut),
  };
}

/** What the VirtualMachine no longer says stays. */
const howMade = ({ spec }: VMClone, { status }: Copy): Partial<VMCloneStatus> =>
  omitUndefined({
    vmid: status?.vmid,
    // A copy is never made without a source.
    cloneType: status?.cloneType === 'None' ? undefined : status?.cloneType,
    cloneTypeReason: spec.linkedClone === false ? undefined : status?.placement?.fullCloneReason,
  });

function outcomeOf(clone: VMClone, copy: Copy, { completionTime }: VMCloneStatus): Outcome {
  const text = textOf(copy.metadata);
  if (copy.metadata.deletionTimestamp !== undefined)
    return suspended(
      'False',
      'VMDeleted',
      `VirtualMachine ${text} is being deleted. A VMClone makes one copy only: to make another one, create another VMClone.`,
    );
  // The VirtualMachine itself reports what happens to it afterwards.
  if (completionTime !== undefined) return settled();
  const conditions = copy.status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === 'Ready');
  const isStalled = conditions.some(({ type, status }) => type === 'Stalled' && status === 'True');
  const reason = ready?.reason ?? 'VMNotReady';
  const message = `VirtualMachine ${text} is not complete. ${whyNot(clone, copy, ready?.message)}`;
  return isStalled ? stalled(reason, message) : waiting(reason, message, LATER);
}

/** Who may read the VMClone need not be allowed to read the objects of another namespace. */
const whyNot = (clone: VMClone, copy: Copy, message: string | undefined): string =>
  copy.metadata.namespace === clone.metadata.namespace && message !== undefined
    ? message
    : 'Its condition Ready says why.';

/** Sources cannot be edited any more, so an edit is one of the target or of linkedClone. */
function ignored(
  { metadata }: VMClone,
  { targetUID, targetGeneration, targetRef }: VMCloneStatus = {},
): readonly DomainCondition[] {
  if (targetUID === undefined || targetGeneration === undefined) return [];
  if (metadata.generation <= targetGeneration) return [];
  const message = `spec was edited after VirtualMachine ${textOf(targetRef)} was made from it; spec.target and spec.linkedClone are read only then. Edit the VirtualMachine, or create another VMClone.`;
  return [{ type: 'FieldsIgnored', status: 'True', reason: 'NoEffect', message }];
}
