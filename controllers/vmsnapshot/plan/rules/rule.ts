/** The type of a rule of VMSnapshots, and the results that only this kind has. Pure. */
import type { Rule as RuleOf } from '../../../shared/plan/rule.ts';
import type { Desired } from '../../model/desired.ts';
import type { Observed } from '../../model/observed.ts';
import type { RuleResult, Step } from '../../model/plan.ts';

export type Rule = RuleOf<Desired, Observed, RuleResult>;

export const act = (step: Step): RuleResult => ({ kind: 'act', step });

export const gone: RuleResult = { kind: 'gone' };
