/** Labels, annotations, and which objects are meant by their labels. */
import { z } from 'zod';
import { labelTerm } from './label-selector.ts';
import { list, text } from './schema.ts';

/** Texts under keys that users choose. The API server does not look at the keys: a rule on them would cost too much. */
const texts = (max: number, longest: number) =>
  z
    .record(z.string(), text(longest))
    .refine((map) => Object.keys(map).length <= max, `must have at most ${max} entries`)
    .meta({ maxProperties: max });

export const labels = texts(32, 63);
export const annotations = texts(32, 1024);

export const labelSelector = z.object({
  matchLabels: labels.optional().describe('Labels that the object must have, with these values.'),
  matchExpressions: list(labelTerm, 16)
    .optional()
    .describe('Requirements that the labels of the object must meet, all of them.'),
});
export type LabelSelector = z.output<typeof labelSelector>;
