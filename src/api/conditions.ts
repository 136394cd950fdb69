/** What the status of every kind holds. */
import { z } from 'zod';
import { listMap, moment, text } from './schema.ts';

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
    .min(0)
    .optional()
    .describe('Generation of the object that was last acted upon.'),
};
