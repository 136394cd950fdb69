/** What the status of every kind holds. */
import { z } from 'zod';
import { listMap, moment, text } from './schema.ts';

const NOT_YET_OBSERVED = -1;

const condition = z.object({
  type: text(316).describe('What the condition tells about: Ready, Reconciling, Stalled, …'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether the condition holds.'),
  observedGeneration: z
    .int()
    .min(0)
    .optional()
    .describe('Generation of the object that the condition was derived from.'),
  lastTransitionTime: moment.describe('When the status last changed.'),
  reason: text(1024).describe('Why, as one word for programs.'),
  message: text(32_768).describe('Why, as a sentence for people: what, why, and what to do.'),
});

export const statusBase = {
  conditions: listMap(condition, 'type', 16)
    .optional()
    .describe('What can be said about the object now; Ready is always among them.'),
  observedGeneration: z
    .int()
    .min(NOT_YET_OBSERVED)
    .optional()
    .describe(
      'Generation of the object that the operator last acted on. -1 means that it has not done so yet.',
    ),
};

/** Status of an object that the operator has not looked at: the API server sets it, so that nobody takes the object for settled. */
export const INITIAL_STATUS = { observedGeneration: NOT_YET_OBSERVED } as const;

/** Whether the operator ever reported on the object. */
export const isObserved = (status: { readonly observedGeneration?: unknown } | undefined): boolean =>
  typeof status?.observedGeneration === 'number' && status.observedGeneration > NOT_YET_OBSERVED;
