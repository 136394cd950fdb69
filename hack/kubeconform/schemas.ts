/** Makes schemas for kubeconform of what an API server says of its kinds, those of CRDs included. Pure. */
import { z } from 'zod';

type Schema = Readonly<Record<string, unknown>>;

const Definition = z.looseObject({
  'x-kubernetes-group-version-kind': z
    .array(z.object({ group: z.string(), version: z.string(), kind: z.string() }))
    .optional(),
});
const OpenApi = z.object({ definitions: z.record(z.string(), Definition) });

/** Where kubeconform looks for the schema of a kind, in a folder of schemas. */
export const SCHEMA_LOCATION = '{{ .ResourceKind }}{{ .KindSuffix }}.json';

/**
 * @param openApi of the path `/openapi/v2`
 * @returns the schema of each kind by the name of its file; a field that the API server would drop is refused
 */
export function schemasOf(openApi: unknown): ReadonlyMap<string, string> {
  const { definitions } = OpenApi.parse(openApi);
  const strict = Object.fromEntries(
    Object.entries(definitions).map(([name, definition]) => [name, asStrict(definition, name)]),
  );
  const files = Object.entries(definitions).flatMap(([name, definition]) =>
    (definition['x-kubernetes-group-version-kind'] ?? []).map(
      (kind) =>
        [fileOf(kind), JSON.stringify({ $ref: `#/definitions/${name}`, definitions: strict })] as const,
    ),
  );
  return new Map(files);
}

/** The first part of the group, as kubeconform's KindSuffix has it. */
function fileOf({ group, version, kind }: { group: string; version: string; kind: string }): string {
  const [first = ''] = group.split('.');
  return `${[kind, first, version]
    .filter((part) => part !== '')
    .join('-')
    .toLowerCase()}.json`;
}

/** These are written as numbers as well. */
const STRING_OR_NUMBER = /\.(IntOrString|Quantity)$/;

function asStrict(schema: Schema, name = ''): Schema {
  if (STRING_OR_NUMBER.test(name) || schema['x-kubernetes-int-or-string'] === true)
    return { type: ['string', 'number'] };
  const { properties, items, additionalProperties, ...others } = schema;
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true;
  return {
    ...others,
    ...(isObject(properties) && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([key, each]) => [key, isObject(each) ? asStrict(each) : each]),
      ),
      ...(!isOpen && { additionalProperties: false }),
    }),
    ...(isObject(additionalProperties) && { additionalProperties: asStrict(additionalProperties) }),
    ...(isObject(items) && { items: asStrict(items) }),
  };
}

const isObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
