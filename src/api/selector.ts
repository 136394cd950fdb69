/** Labels, annotations, and which objects are meant by their labels. */
import { z } from 'zod';
import { list, rule, text, word } from './schema.ts';

const labelKey = word(
  /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
  317,
  'must be a label key, for example vm.type',
);
const labelValue = word(
  /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/,
  63,
  'must be a label value: letters, digits, hyphens, dots and underscores',
);

/** As in the label selectors of Kubernetes. */
export const labelRequirement = rule(
  z.object({
    key: labelKey.describe('Label key that the term applies to.'),
    operator: z
      .enum(['In', 'NotIn', 'Exists', 'DoesNotExist'])
      .describe("Represents the label's relationship to the values."),
    values: list(labelValue, 32)
      .optional()
      .describe('Label values. Required for In and NotIn; must be empty for Exists and DoesNotExist.'),
  }),
  {
    cel: "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
    message: 'must have values with In and NotIn, and none with Exists and DoesNotExist',
    holds: ({ operator, values = [] }) => ['In', 'NotIn'].includes(operator) === values.length > 0,
  },
);

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
  matchExpressions: list(labelRequirement, 16)
    .optional()
    .describe('Requirements that the labels of the object must meet, all of them.'),
});
export type LabelSelector = z.output<typeof labelSelector>;
