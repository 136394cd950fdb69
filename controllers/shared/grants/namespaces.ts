/** Which namespaces an entry of spec.grants admits, by their names or by the labels of their Namespaces. Pure. */
import type { ProviderSpec } from '../../../src/api/index.ts';

type Admitted = NonNullable<ProviderSpec['grants']>[number]['namespaces'];
type Labels = Readonly<Record<string, string>>;
type Selector = NonNullable<Admitted['selector']>;
type Term = NonNullable<Selector['matchExpressions']>[number];

/** What is known of Namespaces. */
export interface Namespaces {
  /**
   * `unread`: not known yet, so whether a selector admits it has to be waited for. `unavailable`: Namespaces may not be
   * read, so a selector admits nobody.
   */
  readonly labelsOf: (namespace: string) => Labels | 'unread' | 'unavailable';
  /** False where the operator watches single namespaces: a Role in these lets nobody read Namespaces. */
  readonly mayBeRead: boolean;
}

/** Where only single namespaces are watched. */
export const NO_NAMESPACES: Namespaces = { labelsOf: () => 'unavailable', mayBeRead: false };

export const hasSelector = ({ grants = [] }: Pick<Partial<ProviderSpec>, 'grants'>): boolean =>
  grants.some(({ namespaces }) => namespaces.selector !== undefined);

export function admits(
  { names, selector }: Admitted,
  namespace: string,
  { labelsOf }: Namespaces,
): boolean | 'unread' {
  if (names) return names.includes(namespace) || names.includes('*');
  const labels = labelsOf(namespace);
  if (labels === 'unread') return 'unread';
  return labels !== 'unavailable' && selector !== undefined && isSelected(selector, labels);
}

const isSelected = ({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean =>
  Object.entries(matchLabels).every(([key, value]) => valueOf(labels, key) === value) &&
  matchExpressions.every((term) => holds(term, valueOf(labels, term.key)));

/** A label may be called like a member that every object has. */
const valueOf = (labels: Labels, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;

function holds({ operator, values = [] }: Term, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return operator satisfies never;
  }
}
