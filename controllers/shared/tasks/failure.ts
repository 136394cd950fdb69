/** Counts the failures of a step until it succeeds or the spec changes. Pure. */
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import { transientReason } from './transient.ts';
import { heldMs } from './backoff.ts';
import { labelOf } from './labels.ts';
import type { Failure, Task, TaskTable } from './model.ts';

/** As status keeps it. */
interface RecordedFailure {
  readonly step: string;
  readonly target?: string | undefined;
  readonly message: string;
  readonly attempts: number;
  /** RFC 3339. */
  readonly at: string;
  readonly generation: number;
}

interface Circumstances<Label extends string> {
  readonly table: TaskTable<Label>;
  /** Of the object. */
  readonly generation: number;
  /** Epoch ms. */
  readonly now: number;
}

/** The failure to report after a task was read. */
export function failureAfter<Label extends string>(
  before: RecordedFailure | undefined,
  task: Task<Label> | undefined,
  circumstances: Circumstances<Label>,
): Failure<Label> | undefined {
  const standing = standingFailure(before, circumstances);
  const isSame = task !== undefined && task.type === standing?.step;
  if (task?.state === 'failed') {
    // A lock held by another process does not count as an attempt.
    const attempt = transientReason(task.exit) === undefined ? 1 : 0;
    const attempts = (isSame ? standing.attempts : 0) + attempt;
    const { type: step, exit: message, target } = task;
    return { step, message, attempts, at: circumstances.now, ...omitUndefined({ target }) };
  }
  return isSame && task.state === 'ok' ? undefined : standing;
}

/** The failure in status, as long as it still counts. */
function standingFailure<Label extends string>(
  before: RecordedFailure | undefined,
  { table, generation, now }: Circumstances<Label>,
): Failure<Label> | undefined {
  if (before?.generation !== generation) return undefined;
  const { step: text, message, attempts, at, target } = before;
  const failure = {
    step: labelOf(table, text),
    message,
    attempts,
    at: Date.parse(at),
    ...omitUndefined({ target }),
  };
  // No step of this version has this label, so none could ever succeed in its place.
  return failure.step === 'Unknown' && heldMs(failure, now) <= 0 ? undefined : failure;
}
