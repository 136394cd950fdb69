/** The type of a VirtualMachine rule, and the results that only this kind has. Pure. */
import type { Rule as RuleOf } from '../../../shared/plan/rule.ts';
import type { Desired } from '../../model/desired.ts';
import type { Guest } from '../../../shared/guests/model.ts';
import type { BestEffortWrite } from '../../model/config.ts';
import type { Observed } from '../../model/observed.ts';
import type { RuleResult, Step } from '../../model/plan.ts';

export type Rule = RuleOf<Desired, Observed, RuleResult>;

export const act = (step: Step): RuleResult => ({ kind: 'act', step });

/** One option in a request of its own. */
export const writeAlone = (write: BestEffortWrite, { digest }: Pick<Guest, 'digest'>): RuleResult => {
  const { key, value } = write;
  const change = value === undefined ? { set: {}, delete: [key] } : { set: { [key]: value }, delete: [] };
  return act({ do: 'configure', change, digest, bestEffort: write });
};

export const gone: RuleResult = { kind: 'gone' };
