import { cpuComplaint } from './cpu-models.ts';
import { formatComplaint, namedProperties } from './formats.ts';
import { splitProperties } from './property-string.ts';
import { propertyFormat } from './schema.ts';
import type { Properties } from './property-string.ts';
import type { Definition, Definitions } from './schema.ts';

export type Value = string | readonly string[];
export type Values = Readonly<Record<string, Value>>;

const NOT_DEFINED = 'property is not defined in schema and the schema does not allow additional properties';
const MISSING = 'property is missing and it is not optional';

const types: Readonly<Record<string, RegExp>> = {
  boolean: /^(?:1|on|yes|true|0|off|no|false)$/i,
  integer: /^[+-]?\d+$/,
  number: /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i,
};

function typeComplaint(definition: Definition, value: Value): string | undefined {
  const type = definition.type ?? 'string';
  // A repeated parameter is a string with a separator to a format that is such a list.
  const isList = type === 'array' || definition.format?.endsWith('-alist') === true;
  if (typeof value !== 'string') return isList ? undefined : `type check ('${type}') failed`;
  return types[type]?.test(value) === false ? `type check ('${type}') failed - got '${value}'` : undefined;
}

/** The keys of a property string, if the definition describes one. */
function propertiesOf({ properties, format }: Definition): Definitions | undefined {
  if (properties !== undefined) return propertyFormat(properties);
  return format === undefined ? undefined : namedProperties[format];
}

function propertyComplaint(value: string, format: Definitions, path: string): string | undefined {
  let properties: Properties;
  try {
    properties = splitProperties(value, format);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const errors = Object.entries(verifyAll(properties, format, { path })).sort();
  const lines = errors.map(([at, complaint]) => `${at}: ${complaint}`);
  if (lines.length > 0) return ['format error', ...lines].join('\n');
  return format === namedProperties['pve-vm-cpu-conf'] ? cpuComplaint(properties) : undefined;
}

function formatError(definition: Definition, value: string, path: string): string | undefined {
  const properties = propertiesOf(definition);
  const complaint = properties
    ? propertyComplaint(value, properties, path)
    : definition.format !== undefined
      ? formatComplaint(definition.format, value)
      : undefined;
  return complaint === undefined ? undefined : `invalid format - ${complaint}\n`;
}

function lengthError(definition: Definition, value: string): string | undefined {
  const { maxLength, minLength } = definition;
  if (maxLength !== undefined && value.length > maxLength)
    return `value may only be ${maxLength} characters long`;
  if (minLength !== undefined && value.length < minLength)
    return `value must be at least ${minLength} characters long`;
  return undefined;
}

function boundsError(definition: Definition, value: string): string | undefined {
  const { maximum, minimum } = definition;
  if (types['number']?.test(value) !== true) return undefined;
  if (maximum !== undefined && Number(value) > maximum)
    return `value must have a maximum value of ${maximum}`;
  if (minimum !== undefined && Number(value) < minimum)
    return `value must have a minimum value of ${minimum}`;
  return undefined;
}

function enumError(definition: Definition, value: string): string | undefined {
  if (!definition.enum || definition.enum.includes(value)) return undefined;
  return `value '${value}' does not have a value in the enumeration '${definition.enum.join(', ')}'`;
}

const patternError = (definition: Definition, value: string): string | undefined =>
  definition.pattern !== undefined && !new RegExp(`^${definition.pattern.replace('{,', '{0,')}$`).test(value)
    ? 'value does not match the regex pattern'
    : undefined;

/** PVE's error for one value: the first that applies, in PVE's order. */
export function complaintAbout(definition: Definition, value: Value, path: string): string | undefined {
  const wrongType = typeComplaint(definition, value);
  if (wrongType !== undefined || typeof value !== 'string') return wrongType;
  return (
    formatError(definition, value, path) ??
    patternError(definition, value) ??
    lengthError(definition, value) ??
    boundsError(definition, value) ??
    enumError(definition, value)
  );
}

/** Errors by parameter; a second one for the same parameter is appended to the first. */
class Complaints {
  readonly found: Record<string, string> = {};
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  add(name: string, complaint: string | undefined): void {
    if (complaint === undefined) return;
    const at = this.at(name);
    const before = this.found[at];
    this.found[at] = before === undefined ? complaint : `${before}\\n${complaint}`;
  }
}

const missing = (values: Values, definitions: Definitions): readonly string[] =>
  Object.entries(definitions)
    .filter(([name, { optional, alias }]) => !optional && alias === undefined && values[name] === undefined)
    .map(([name]) => name);

/** All errors of PVE for these parameters, by parameter. */
export function verifyAll(
  values: Values,
  definitions: Definitions,
  { path = '', open = false }: { path?: string; open?: boolean } = {},
): Readonly<Record<string, string>> {
  const complaints = new Complaints(path);
  for (const name of missing(values, definitions)) complaints.add(name, MISSING);
  for (const [name, value] of Object.entries(values)) {
    const definition = definitions[name];
    const at = complaints.at(name);
    if (!definition) {
      complaints.add(name, open ? undefined : NOT_DEFINED);
      continue;
    }
    complaints.add(name, complaintAbout(definition, value, at));
    const { requires = name } = definition;
    if (values[requires] === undefined) complaints.add(requires, `missing property required by '${at}'`);
  }
  return complaints.found;
}
