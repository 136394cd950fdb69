/** Whether a tool that applies objects from Git will undo a change by hand. Pure. */
import { FIELD_MANAGER, part, type ManagedFields, type Stored } from './cluster/objects.ts';
import { z } from 'zod';

interface Tool {
  readonly name: string;
  /** Labels and annotations that it gives its objects. */
  readonly marks: readonly string[];
  /** As managedFields call it. */
  readonly manager: RegExp;
}

/** `app.kubernetes.io/instance`, the label of Argo CD by default, is that of many charts as well, and says nothing. */
const TOOLS: readonly Tool[] = [
  {
    name: 'Argo CD',
    marks: ['argocd.argoproj.io/tracking-id', 'argocd.argoproj.io/instance'],
    // Not argocd-server, which acts for users of its interface.
    manager: /^argocd-(application-)?controller$/,
  },
  {
    name: 'Flux',
    marks: ['kustomize.toolkit.fluxcd.io/name', 'helm.toolkit.fluxcd.io/name'],
    manager: /^(kustomize|helm)-controller$/,
  },
];

/** With these Flux leaves an object as it is. */
const FLUX_STAYS_AWAY: Readonly<Record<string, readonly string[]>> = {
  'kustomize.toolkit.fluxcd.io/reconcile': ['disabled'],
  'kustomize.toolkit.fluxcd.io/ssa': ['IfNotPresent', 'Ignore'],
  'helm.toolkit.fluxcd.io/driftDetection': ['disabled'],
};

const Members = z.record(z.string(), z.unknown());

/**
 * @param object as it was before the change, which takes the field from whoever has set it
 * @param path of the field, for example `spec.powerState`
 * @returns the warning; `undefined`: nothing is known that would undo a change of the field
 */
export function undoneBy(object: Stored, path: readonly string[]): string | undefined {
  const tool = TOOLS.find((each) => isManagedBy(each, object));
  if (!tool || staysAway(tool, object)) return undefined;
  const field = path.join('.');
  switch (ownership(tool, object, path)) {
    case 'other':
      return undefined;
    case 'unknown':
      return `${object.metadata.name} is applied by ${tool.name}, which undoes this change if Git has ${field}. Change it there, too.`;
    case 'own':
      return `${object.metadata.name} is applied by ${tool.name}, and Git has ${field}: this change will be undone. Change it there.`;
  }
}

const isManagedBy = (tool: Tool, object: Stored): boolean => {
  const { labels, annotations } = object.metadata;
  return (
    tool.marks.some((mark) => (labels?.[mark] ?? annotations?.[mark]) !== undefined) ||
    entriesOf(tool, object).length > 0
  );
};

const staysAway = ({ name }: Tool, { metadata }: Stored): boolean =>
  name === 'Flux' &&
  Object.entries(FLUX_STAYS_AWAY).some(([mark, values]) =>
    values.includes(metadata.annotations?.[mark] ?? metadata.labels?.[mark] ?? ''),
  );

/** In managedFields. */
const entriesOf = ({ manager: name }: Tool, { metadata }: Stored): readonly ManagedFields[] =>
  (metadata.managedFields ?? []).filter(({ manager = '' }) => name.test(manager));

/** Whether the field is one that the tool has set. A change by hand takes it from the tool until that applies it again. */
function ownership(tool: Tool, object: Stored, path: readonly string[]): 'own' | 'other' | 'unknown' {
  const entries = entriesOf(tool, object);
  if (wasApplied(object, path) || setBy(entries, path)) return 'own';
  const { managedFields = [], annotations } = object.metadata;
  if (entries.length === 0) return 'unknown';
  const byHand = setBy(
    managedFields.filter(({ manager }) => manager === FIELD_MANAGER),
    path,
  );
  return byHand && annotations?.[LAST_APPLIED] === undefined ? 'unknown' : 'other';
}

/** What a client-side apply, which is the default of Argo CD, has applied last. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

function wasApplied({ metadata }: Stored, path: readonly string[]): boolean {
  const applied = parsed(metadata.annotations?.[LAST_APPLIED] ?? '');
  return path.reduce((value: unknown, key) => part(Members, value)?.[key], applied) !== undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const setBy = (entries: readonly ManagedFields[], path: readonly string[]): boolean =>
  entries.some(({ fieldsV1 }) => hasField(fieldsV1, path));

/** A tool that owns a field as a whole (`spec.revert`) owns what is in it. */
function hasField(fields: unknown, [key, ...rest]: readonly string[]): boolean {
  if (key === undefined) return true;
  const inner = part(Members, fields)?.[`f:${key}`];
  if (inner === undefined) return false;
  return Object.keys(part(Members, inner) ?? {}).length === 0 || hasField(inner, rest);
}
