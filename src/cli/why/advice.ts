/** What the runbook says of a reason. Pure. */
import { asSentence } from '../../lib/sentence.ts';
import { RUNBOOK, type Advice } from './runbook.ts';

/** The row of the kind itself, or else the first one that has the reason: kinds share many. */
export function adviceOn(kind: string, reason: string): Pick<Advice, 'means' | 'todo'> | undefined {
  const rows = RUNBOOK.filter(({ reasons }) => reasons.includes(reason));
  return rows.find(({ section }) => section === kind) ?? rows[0];
}

/** What to do about it; `undefined` where nothing is to be done. */
export function nextStep(kind: string, reason: string | undefined): string | undefined {
  const todo = reason === undefined ? undefined : adviceOn(kind, reason)?.todo;
  return todo === undefined || todo === 'Nothing' ? undefined : asSentence(todo);
}
