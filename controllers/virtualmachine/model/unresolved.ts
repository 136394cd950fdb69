/** Several problems of a spec in one report, so that nobody corrects them one by one. Pure. */
import { asSentence } from '../../../src/lib/sentence.ts';
import { endsOnlyByEdit } from '../../shared/errors/only-by-edit.ts';
import type { Unresolved } from './desired.ts';

/** What was looked up, or why it was not found. */
export type Lookup = Unresolved | { readonly ok: true };

/** What all of them say. The reason is that of the first, or of the first that only an edit ends: the others may end by themselves. */
export function allOf(first: Unresolved, others: readonly Lookup[]): Unresolved {
  const problems: readonly Unresolved[] = [first, ...others.filter((each) => !each.ok)];
  if (problems.length === 1) return first;
  const facts = [...new Set(problems.map(({ fact, message }) => asSentence(fact ?? message)))];
  const isMissing = problems.some(({ fact }) => fact !== undefined);
  return {
    ok: false,
    reason: (problems.find(({ reason }) => endsOnlyByEdit(reason)) ?? first).reason,
    message: [...facts, ...(isMissing ? [CREATE_THEM] : [])].join(' '),
  };
}

const CREATE_THEM = 'Create what is missing, or correct the references; reconciliation resumes by itself.';

/** What is said of a Provider that does not answer is the same for all its VMs, and what is not known yet soon is. */
export const isReportedAlone = ({ early, silentSince }: Unresolved): boolean =>
  early === true || silentSince !== undefined;
