/** Whether a tool that applies objects from Git will undo a change by hand. Pure. */
import type { Stored } from './cluster/objects.ts';
import { part } from './cluster/objects.ts';
import { z } from 'zod';

interface Tool {
  readonly name: string;
  /** Labels and annotations that it gives its objects. */
  readonly marks: readonly string[];
  /** As managedFields call it. */
  readonly manager: RegExp;
}

/** `app.kubernetes.io/instance` is the label of Argo CD by default, and of many charts: it counts with the manager only. */
const TOOLS: readonly Tool[] = [
  {
    name: 'Argo CD',
    marks: ['argocd.argoproj.io/tracking-id', 'argocd.argoproj.io/instance'],
    manager: /^argocd/,
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

const isManagedBy = ({ marks, manager }: Tool, { metadata }: Stored): boolean =>
  marks.some((mark) => (metadata.labels?.[mark] ?? metadata.annotations?.[mark]) !== undefined) ||
  (metadata.labels?.['app.kubernetes.io/instance'] !== undefined &&
    (metadata.managedFields ?? []).some((each) => manager.test(each.manager ?? '')));

const staysAway = ({ name }: Tool, { metadata }: Stored): boolean =>
  name === 'Flux' &&
  Object.entries(FLUX_STAYS_AWAY).some(([mark, values]) =>
    values.includes(metadata.annotations?.[mark] ?? metadata.labels?.[mark] ?? ''),
  );

/** Whether the field is one that the tool has set, as managedFields say. */
function ownership(tool: Tool, { metadata }: Stored, path: readonly string[]): 'own' | 'other' | 'unknown' {
  const entries = (metadata.managedFields ?? []).filter(({ manager = '' }) => tool.manager.test(manager));
  if (entries.length === 0) return 'unknown';
  return entries.some(({ fieldsV1 }) => hasField(fieldsV1, path)) ? 'own' : 'other';
}

/** A tool that owns a field as a whole (`spec.revert`) owns what is in it. */
function hasField(fields: unknown, [key, ...rest]: readonly string[]): boolean {
  if (key === undefined) return true;
  const inner = part(Members, fields)?.[`f:${key}`];
  if (inner === undefined) return false;
  return Object.keys(part(Members, inner) ?? {}).length === 0 || hasField(inner, rest);
}
