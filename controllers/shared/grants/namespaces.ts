/** Which namespaces an entry of spec.grants admits, by their names or by the labels of their Namespaces. Pure. */
import type { ProviderSpec } from '../../../src/api/index.ts';
import { selects } from '../objects/label-selector.ts';

type Admitted = NonNullable<ProviderSpec['grants']>[number]['namespaces'];
type Labels = Readonly<Record<string, string>>;

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
  return labels !== 'unavailable' && selector !== undefined && selects(selector, labels);
}
