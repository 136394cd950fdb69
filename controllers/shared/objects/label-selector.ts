/** Which objects a label selector means, as in Kubernetes. Pure. */
import type { LabelSelector } from '../../../src/api/index.ts';

type Labels = Readonly<Record<string, string>>;
type Selector = { readonly [K in keyof LabelSelector]: Immutable<LabelSelector[K]> };
type Immutable<T> = T extends object ? { readonly [K in keyof T]: Immutable<T[K]> } : T;
type Requirement = NonNullable<Selector['matchExpressions']>[number];

/** All requirements have to be met; an empty selector means every object. */
export const selects = (selector: Selector, labels: Labels): boolean => selecting(selector)(labels);

/** For one selector and many objects. */
export function selecting({
  matchLabels = {},
  matchExpressions = [],
}: Selector): (labels: Labels) => boolean {
  const equal = Object.entries(matchLabels);
  return (labels) =>
    equal.every(([key, value]) => valueOf(labels, key) === value) &&
    matchExpressions.every((requirement) => isMet(requirement, valueOf(labels, requirement.key)));
}

/** Not what every object has by its prototype. */
const valueOf = (labels: Labels, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;

function isMet({ operator, values = [] }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      // Also met by objects without the label.
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}
