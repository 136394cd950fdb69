/** Labels are selected as Kubernetes does it. A selector in which nothing is, and which would select all, is refused. */
import { z } from 'zod';
import { list, rule, word } from './schema.ts';

const MAX_TERMS = 16;

export const labelKey = word(
  /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
  317,
  'must be a label key, for example vm.type',
);
const labelValue = word(
  /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/,
  63,
  'must be a label value: letters, digits, hyphens, dots and underscores',
);

export const labelOperator = z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']);
export const labelValues = list(labelValue, 32);

interface OperatorAndValues {
  readonly operator?: string | undefined;
  readonly values?: readonly string[] | undefined;
}

/** Of terms whose operator may be absent as well. */
export const valuesFitOperator = {
  cel: "!has(self.operator) || (self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
  message: 'must have values with In and NotIn, and none with Exists and DoesNotExist',
  holds: ({ operator, values = [] }: OperatorAndValues): boolean =>
    operator === undefined || ['In', 'NotIn'].includes(operator) === values.length > 0,
};

export const labelTerm = rule(
  z.object({
    key: labelKey.describe('Label key that the term applies to.'),
    operator: labelOperator.describe("Represents the label's relationship to the values."),
    values: labelValues
      .optional()
      .describe('Label values. Required for In and NotIn; must be empty for Exists and DoesNotExist.'),
  }),
  valuesFitOperator,
);

const matchLabels = z
  .record(z.string(), labelValue)
  .refine((labels) => Object.keys(labels).length <= MAX_TERMS, `must have at most ${MAX_TERMS} labels`)
  .meta({ maxProperties: MAX_TERMS });

export const labelSelector = rule(
  z.object({
    matchLabels: matchLabels.optional().describe('Labels that must have these values.'),
    matchExpressions: list(labelTerm, MAX_TERMS)
      .optional()
      .describe('Terms that must all hold, besides matchLabels.'),
  }),
  {
    cel: '(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)',
    message: 'must have a term in matchLabels or matchExpressions',
    holds: ({ matchLabels: labels = {}, matchExpressions = [] }) =>
      Object.keys(labels).length > 0 || matchExpressions.length > 0,
  },
);
