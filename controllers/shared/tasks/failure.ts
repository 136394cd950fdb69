/** Keeps count of a step that fails, until it succeeds or the spec changes. Pure. */
import type { VirtualMachineStatus } from '../../../src/api/index.ts';
import type { Failure, Task } from './model.ts';

const epoch = (rfc3339: string): number => Date.parse(rfc3339);

/** The failure to report after a task was looked at. */
export function failureAfter(
  before: VirtualMachineStatus['failure'],
  task: Task | undefined,
  { generation, now }: { readonly generation: number; readonly now: number },
): Failure | undefined {
  const standing =
    before && before.generation === generation
      ? { step: before.step, message: before.message, attempts: before.attempts, at: epoch(before.at) }
      : undefined;
  if (task?.state === 'failed')
    return {
      step: task.type,
      message: task.exit,
      attempts: (standing?.step === task.type ? standing.attempts : 0) + 1,
      at: now,
    };
  return task?.state === 'ok' && standing?.step === task.type ? undefined : standing;
}
