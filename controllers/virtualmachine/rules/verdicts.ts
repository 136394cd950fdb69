/** The four things a rule can say, and the type of a rule. */
import type { Observed } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import type { Desired } from '../model/wish.ts';

/** Has an opinion on what comes next, or none. Pure. */
export type Rule = (want: Desired, have: Observed) => Plan | undefined;

export const act = (step: Step): Plan => ({ kind: 'act', step });

export const wait = (reason: string, message: string, againMs = 2_000): Extract<Plan, { kind: 'wait' }> => ({
  kind: 'wait',
  reason,
  message,
  againMs,
});

export const refuse = (
  reason: string,
  message: string,
  againMs?: number,
): Extract<Plan, { kind: 'refuse' }> => ({
  kind: 'refuse',
  reason,
  message,
  ...(againMs !== undefined && { againMs }),
});

export const gone: Plan = { kind: 'gone' };
