/** Objects as `-o json`, `yaml` and `name` print them. Pure. */
import { stringify } from 'yaml';
import { API_VERSION } from '../../api/group.ts';
import type { CliKind } from '../cluster/kinds.ts';
import type { Stored } from '../cluster/objects.ts';

export type Format = 'json' | 'yaml' | 'name' | 'wide';

/** As kubectl prints it, without the bookkeeping of who set which field. */
function shown({ metadata, ...rest }: Stored): object {
  const { managedFields: _, ...kept } = metadata;
  return { ...rest, metadata: kept };
}

export const asJson = (value: unknown): string => `${JSON.stringify(value, null, 4)}\n`;
export const asYaml = (value: unknown): string =>
  stringify(value, {
    sortMapEntries: true,
    lineWidth: 0,
    aliasDuplicateObjects: false,
    // kubectl reads YAML 1.1, in which a bare Off is false.
    compat: 'yaml-1.1',
  });

export const nameOf = (kind: CliKind, { metadata }: Stored): string => `${kind.printed}/${metadata.name}`;

const serialize = (format: 'json' | 'yaml', value: unknown): string =>
  format === 'json' ? asJson(value) : asYaml(value);

export function printObject(format: 'json' | 'yaml' | 'name', kind: CliKind, object: Stored): string {
  return format === 'name' ? `${nameOf(kind, object)}\n` : serialize(format, shown(object));
}

/** A List, as `kubectl get` prints several objects. */
export function printList(
  format: 'json' | 'yaml' | 'name',
  kind: CliKind,
  objects: readonly Stored[],
): string {
  if (format === 'name') return objects.map((object) => `${nameOf(kind, object)}\n`).join('');
  return serialize(format, {
    apiVersion: 'v1',
    kind: 'List',
    metadata: { resourceVersion: '' },
    items: objects.map((object) => ({
      apiVersion: API_VERSION,
      kind: kind.kind,
      ...shown(object),
    })),
  });
}
