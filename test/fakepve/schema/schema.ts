import { readFileSync } from 'node:fs';

export interface Definition {
  readonly type?: string;
  readonly optional?: boolean;
  readonly format?: string;
  /** The name of a property-string format in `formats`. */
  readonly properties?: string;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly requires?: string;
  readonly defaultKey?: boolean;
  readonly alias?: string;
  readonly keyAlias?: string;
}

export type Definitions = Readonly<Record<string, Definition>>;

/** In PVE's form: `["perm", "/vms/{vmid}", ["VM.Audit"], "any", 1]`, combined with `and` and `or`. */
export type Check = readonly [string, ...unknown[]];

export interface Endpoint {
  readonly params: Definitions;
  readonly check?: Check;
  /** Accepts parameters that are not listed. */
  readonly open?: boolean;
}

interface SchemaFile {
  readonly indexed: Readonly<Record<string, readonly [number, number]>>;
  readonly formats: Readonly<Record<string, Definitions>>;
  readonly groups: Readonly<Record<string, Definitions>>;
  readonly endpoints: Readonly<
    Record<string, { params?: Definitions; include?: readonly string[]; check?: Check; open?: boolean }>
  >;
}

const file = JSON.parse(readFileSync(new URL('./endpoints.json', import.meta.url), 'utf8')) as SchemaFile;

/** `scsi[n]` means scsi0 … scsi30: PVE has each of them as a property. */
function expand(params: Definitions): Definitions {
  const entries = Object.entries(params).flatMap(([name, definition]) => {
    const stem = /^(\w+)\[n\]$/.exec(name)?.[1];
    if (stem === undefined) return [[name, definition] as const];
    const [from, to] = file.indexed[stem] ?? [0, 0];
    return Array.from({ length: to - from + 1 }, (_, i) => [`${stem}${from + i}`, definition] as const);
  });
  return Object.fromEntries(entries);
}

function read(): ReadonlyMap<string, Endpoint> {
  return new Map(
    Object.entries(file.endpoints).map(([key, { include = [], params, ...rest }]) => {
      const groups = include.map((name) => file.groups[name] ?? {});
      return [key, { ...rest, params: expand(Object.assign({}, ...groups, params) as Definitions) }];
    }),
  );
}

/** By `METHOD /path/{placeholder}`. */
export const endpoints: ReadonlyMap<string, Endpoint> = read();

const registered = new Map<string, Definitions>();

/** Adds a format under a name of its own, which is returned. */
export function registerFormat(name: string, format: Definitions): string {
  registered.set(name, format);
  return name;
}

export const propertyFormat = (name: string): Definitions => {
  const format = file.formats[name] ?? registered.get(name);
  if (!format) throw new Error(`no property-string format named ${name} in endpoints.json`);
  return format;
};

/** Every option that the configuration of a guest may contain. */
export const guestOptions: Definitions = expand(file.groups['guest-options'] ?? {});
