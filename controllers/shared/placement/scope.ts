/** Namespaces whose VMs the terms of placement policies mean. Pure. */
import type { PlacementTerm, VMPlacementPolicySpec } from '../../../src/api/index.ts';
import type { Namespaces } from '../grants/namespaces.ts';
import { selects } from '../objects/label-selector.ts';
import { termsOf } from './counted.ts';
import type { InScope } from './rule-facts.ts';

/** Tags are those of guests, whoever made them. Labels of a Namespace that are not known yet may be any. */
export const scopeIn =
  ({ labelsOf }: Pick<Namespaces, 'labelsOf'>): InScope =>
  ({ pveTags, namespaceSelector }, namespace, home) => {
    if (pveTags) return true;
    if (!namespaceSelector) return namespace === home;
    const labels = namespace === undefined ? 'unavailable' : labelsOf(namespace);
    return labels === 'unread' || (labels !== 'unavailable' && selects(namespaceSelector, labels));
  };

const across = (terms: readonly PlacementTerm[] = []): readonly PlacementTerm[] =>
  terms.filter(({ namespaceSelector }) => namespaceSelector !== undefined);

/** Whether it means VMs of other namespaces than its own. */
export const looksAcross = (spec: VMPlacementPolicySpec): boolean => across(termsOf(spec)).length > 0;

/** Whether it keeps VMs of other namespaces than its own away. */
export const keepsAwayAcross = ({ antiAffinity }: VMPlacementPolicySpec): readonly PlacementTerm[] =>
  across(antiAffinity);

/** Namespaces that a policy means besides its own. @param all those that have VMs */
export function meantBesides(
  spec: VMPlacementPolicySpec,
  home: string,
  { all, inScope }: { readonly all: readonly string[]; readonly inScope: InScope },
): readonly string[] {
  const terms = across(termsOf(spec));
  if (terms.length === 0) return [];
  return all.filter(
    (namespace) => namespace !== home && terms.some((term) => inScope(term, namespace, home)),
  );
}
