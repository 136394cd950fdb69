/** Conditions in the order in which they matter. Pure. */
import type { Condition } from '../cluster/objects.ts';

/** The most important first. Of others nothing is known: they follow. */
const ORDER = [
  'Ready',
  'Stalled',
  'Reconciling',
  'DeletionsHeld',
  'Synced',
  'RestartRequired',
  'MissingPrivileges',
  'GuestAgentConnected',
  'FieldsIgnored',
  'Placed',
];

/** True says that something is wrong, or not done yet. */
const TRUE_IS_BAD = new Set([
  'Stalled',
  'Reconciling',
  'DeletionsHeld',
  'RestartRequired',
  'MissingPrivileges',
  'FieldsIgnored',
]);

export const isBad = ({ type, status }: Pick<Condition, 'type' | 'status'>): boolean =>
  TRUE_IS_BAD.has(type) ? status !== 'False' : status !== 'True';

const rank = ({ type }: Condition): number => {
  const at = ORDER.indexOf(type);
  return at < 0 ? ORDER.length : at;
};

/** What is wrong comes first, and of that Ready. */
export const byImportance = (conditions: readonly Condition[]): readonly Condition[] =>
  conditions.toSorted((a, b) => Number(isBad(b)) - Number(isBad(a)) || rank(a) - rank(b));
