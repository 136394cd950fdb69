/** Labels of tasks, as status keeps them and as messages say them. Pure. */
import { asSentence } from '../../../src/lib/sentence.ts';
import type { Failure, TaskInfo, TaskLabelOf, TaskTable } from './model.ts';

/** The label that a text of status stands for. An operator of another version may know labels that this one does not. */
export const labelOf = <Label extends string>(table: TaskTable<Label>, text: string): TaskLabelOf<Label> =>
  [...table.keys()].find((label) => label === text) ?? 'Unknown';

const infoOf = <Label extends string>(
  table: TaskTable<Label>,
  label: TaskLabelOf<Label>,
): TaskInfo | undefined => (label === 'Unknown' ? undefined : table.get(label));

/** What a task with this label does, as a sentence. */
export function taskMessage<Label extends string>(
  table: TaskTable<Label>,
  label: TaskLabelOf<Label>,
): string {
  const doing = infoOf(table, label)?.doing;
  return doing === undefined
    ? 'Proxmox VE is running a task that another version of the operator started.'
    : `Proxmox VE is ${doing}.`;
}

const UNKNOWN = 'a task that another version of the operator started';

/** What failed and why, and what to do if that is known: a sentence each. */
export function failureMessage<Label extends string>(
  table: TaskTable<Label>,
  { step, target, message, node }: Pick<Failure<Label>, 'step' | 'target' | 'message' | 'node'>,
): string {
  const { doing = UNKNOWN, hint } = infoOf(table, step) ?? {};
  const what = target === undefined ? doing : `${doing} (${target})`;
  const failed = `${what.charAt(0).toUpperCase()}${what.slice(1)} failed in Proxmox VE: ${asSentence(message)}`;
  return [failed, hint?.(message, node)].filter((text) => text !== undefined).join(' ');
}

/** Whether only what failed has to wait. */
export const blocksOnlyItself = <Label extends string>(
  table: TaskTable<Label>,
  { step }: Pick<Failure<Label>, 'step'>,
): boolean => infoOf(table, step)?.blocksOnlyItself === true;
