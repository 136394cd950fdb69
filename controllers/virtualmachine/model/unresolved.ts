/** Several problems of a spec in one report, so that nobody corrects them one by one. Pure. */
import { asSentence } from '../../../src/lib/sentence.ts';
import type { Unresolved } from './desired.ts';

/** What was looked up, or why it was not found. */
export type Lookup = Unresolved | { readonly ok: true };

/** The reason of the first, and what all of them say. */
export function allOf(first: Unresolved, others: readonly Lookup[]): Unresolved {
  const problems = [first, ...others.filter((each) => !each.ok)];
  if (problems.length === 1) return first;
  const facts = [...new Set(problems.map(({ fact, message }) => asSentence(fact ?? message)))];
  const isMissing = problems.some(({ fact }) => fact !== undefined);
  return {
    ok: false,
    reason: first.reason,
    message: [...facts, ...(isMissing ? [CREATE_THEM] : [])].join(' '),
    // Otherwise one may become right by itself.
    ...(problems.every(({ final }) => final) && { final: true }),
  };
}

const CREATE_THEM = 'Create what is missing, or correct the references; reconciliation resumes by itself.';

/** What is said of a Provider that does not answer is the same for all its VMs, and what is not known yet soon is. */
export const isReportedAlone = ({ early, silentSince }: Unresolved): boolean =>
  early === true || silentSince !== undefined;
