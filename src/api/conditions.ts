/** Fields in the status of every kind. */
import { z } from 'zod';
import { listMap, moment, text } from './schema.ts';

const NOT_YET_OBSERVED = -1;

const condition = z.object({
  type: text(316).describe('Type of the condition: Ready, Reconciling, Stalled, …'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Status of the condition.'),
  observedGeneration: z
    .int()
    .min(0)
    .optional()
    .describe('Generation of the object that the condition was set for.'),
  lastTransitionTime: moment.describe('Last time the condition changed from one status to another.'),
  reason: text(1024).describe("Machine-readable reason of the condition's last transition."),
  message: text(32_768).describe(
    'Human-readable explanation of the condition: what is the case, why, and what to do.',
  ),
});

export const statusBase = {
  conditions: listMap(condition, 'type', 16)
    .optional()
    .describe('Latest observations of the state of the object. Ready is always present.'),
  observedGeneration: z
    .int()
    .min(NOT_YET_OBSERVED)
    .optional()
    .describe(
      'Generation of the object that the operator last acted on. -1 means that it has not done so yet.',
    ),
};

/** Status of an object that the operator has not observed. The API server sets it, so that kstatus does not report the object as Current. */
export const INITIAL_STATUS = { observedGeneration: NOT_YET_OBSERVED } as const;

/** Whether the operator has reported on the object. */
export const isObserved = (status: { readonly observedGeneration?: unknown } | undefined): boolean =>
  typeof status?.observedGeneration === 'number' && status.observedGeneration > NOT_YET_OBSERVED;
