/**
 * Writes test/fakepve/schema/versions.json: how the API of the versions of PVE differs, for the endpoints that the fake
 * serves. Run by hand when the facts change: node hack/generate/pve-versions.ts FOLDER, where FOLDER has api-schema.json
 * (9.2) and versions/api-schema-*.json.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { format, resolveConfig } from 'prettier';

const SCHEMA_DIR = resolve(import.meta.dirname, '../../test/fakepve/schema');
const NEWEST = '9.2';

type Json = Readonly<Record<string, unknown>>;
const Facts = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        params: z.record(z.string(), z.record(z.string(), z.unknown())),
        permissions: z.looseObject({ check: z.unknown().optional() }).optional(),
        open: z.unknown().optional(),
        returns: z.looseObject({ properties: z.record(z.string(), z.unknown()).optional() }).optional(),
      }),
    ),
  ),
});
type Facts = z.output<typeof Facts>;
type Endpoint = Facts['paths'][string][string];

/** The parts of a definition that decide whether a value is accepted, in the form of endpoints.json. */
const DECIDING = ['type', 'enum', 'pattern', 'minimum', 'maximum', 'minLength', 'maxLength', 'requires'];
const NUMBERS = new Set(['minimum', 'maximum', 'minLength', 'maxLength']);
/** Their lower bound was 1 before PVE 8, and no VMID is below 100. */
const SAME = new Set(['vmid', 'newid', 'target-vmid']);

function definitionOf(all: Json): Json {
  const named = typeof all['format'] === 'string' ? { format: all['format'] } : {};
  const optional = all['optional'] ? { optional: true } : {};
  const others = DECIDING.flatMap((key) =>
    all[key] === undefined ? [] : [[key, NUMBERS.has(key) ? Number(all[key]) : all[key]] as const],
  );
  const names = [
    ['defaultKey', all['default_key'] === undefined ? undefined : true],
    ['alias', all['alias']],
    ['keyAlias', all['keyAlias']],
  ] as const;
  const naming = Object.fromEntries(names.filter(([, value]) => value !== undefined));
  return { ...Object.fromEntries(others), ...named, ...optional, ...naming };
}

/** Parameters, and with a dot the properties of those that are property strings: `scsi[n].ro`. */
function definitionsOf({ params }: Endpoint): ReadonlyMap<string, Json> {
  return new Map(
    Object.entries(params).flatMap(([name, all]): [string, Json][] => [
      [name, definitionOf(all)],
      ...(typeof all['format'] === 'object' && all['format'] !== null
        ? Object.entries(all['format'] as Record<string, Json>).map(([key, property]): [string, Json] => [
            `${name}.${key}`,
            definitionOf(property),
          ])
        : []),
    ]),
  );
}

interface Run<T> {
  readonly from: string;
  readonly to: string;
  readonly value: T;
}

/** The values of consecutive versions, equal ones together. */
function runsOf<T>(values: readonly (readonly [version: string, value: T])[]): readonly Run<T>[] {
  const runs: Run<T>[] = [];
  for (const [version, value] of values) {
    const last = runs.at(-1);
    if (last && JSON.stringify(last.value) === JSON.stringify(value))
      runs[runs.length - 1] = { ...last, to: version };
    else runs.push({ from: version, to: version, value });
  }
  return runs;
}

/** `since` and `until`, where it does not exist in all versions. */
function lifetimeOf(present: readonly (readonly [string, boolean])[], versions: readonly string[]): Json {
  const runs = runsOf(present).filter(({ value }) => value);
  const [run] = runs;
  if (!run || runs.length > 1) throw new Error(`not one span of versions: ${JSON.stringify(present)}`);
  return {
    ...(run.from !== versions[0] && { since: run.from }),
    ...(run.to !== versions.at(-1) && { until: run.to }),
  };
}

const sameSpan = (a: Json, b: Json | undefined): boolean =>
  Object.keys(a).length > 0 && JSON.stringify(a) === JSON.stringify(b);

/** The newest facts only name the format of the parameter, where older ones list its properties. */
const isUnlisted = (versioned: Versioned, name: string): boolean => {
  const formats = versioned.map(([, { params }]) => typeof params[name]?.['format']);
  return formats.at(-1) === 'string' && formats.includes('object');
};

type Versioned = readonly (readonly [version: string, endpoint: Endpoint])[];

function paramsOf(versioned: Versioned): { readonly params: Json; readonly former: Json } {
  const params: Record<string, Json> = {};
  const former: Record<string, unknown> = {};
  const versions = versioned.map(([version]) => version);
  const all = versioned.map(([version, endpoint]) => [version, definitionsOf(endpoint)] as const);
  for (const name of new Set(all.flatMap(([, definitions]) => [...definitions.keys()]))) {
    const defined = all.map(([version, definitions]) => [version, definitions.get(name)] as const);
    const span = lifetimeOf(
      defined.map(([version, definition]) => [version, definition !== undefined] as const),
      versions,
    );
    const [whole = ''] = name.split('.');
    // A property lives as long as its parameter, unless the facts say otherwise; of some formats they no longer list any.
    if (whole !== name && (isUnlisted(versioned, whole) || sameSpan(span, params[whole]))) continue;
    if (Object.keys(span).length > 0) params[name] = span;
    if (SAME.has(name) || isUnlisted(versioned, name)) continue;
    const runs = runsOf(defined.filter(([, definition]) => definition !== undefined));
    // The newest definition is in endpoints.json, unless it is gone.
    const older = runs.slice(0, span['until'] === undefined ? -1 : undefined);
    if (older.length > 0) former[name] = older.map(({ to, value }) => [to, value]);
  }
  return { params, former };
}

function differencesOf(versioned: Versioned, all: readonly string[]): Json {
  const present = new Map(versioned);
  const span = lifetimeOf(
    all.map((version) => [version, present.has(version)] as const),
    all,
  );
  // Of an endpoint that accepts anything, the facts do not list the parameters.
  const { params, former } = paramsOf(versioned.filter(([, { open }]) => !open));
  const checks = runsOf(
    versioned.map(([version, { permissions }]) => [version, permissions?.check] as const),
  ).slice(0, -1);
  return {
    ...span,
    ...(Object.keys(params).length > 0 && { params }),
    ...(Object.keys(former).length > 0 && { former }),
    ...(checks.length > 0 && { checks: checks.map(({ to, value }) => [to, value]) }),
  };
}

/** Of a role the API returns every privilege that there is. */
function privilegesOf(facts: ReadonlyMap<string, Facts>): Json {
  const known = [...facts].map(([version, { paths }]) => {
    const { properties = {} } = paths['/access/roles/{roleid}']?.['GET']?.returns ?? {};
    return [version, new Set(Object.keys(properties))] as const;
  });
  const versions = known.map(([version]) => version);
  const spans = [...new Set(known.flatMap(([, names]) => [...names]))].map((name) => {
    const present = known.map(([version, names]) => [version, names.has(name)] as const);
    return [name, lifetimeOf(present, versions)] as const;
  });
  return Object.fromEntries(spans.filter(([, span]) => Object.keys(span).length > 0));
}

const byNumber = (a: string, b: string): number => Number(a) - Number(b);

function readAll(dir: string): ReadonlyMap<string, Facts> {
  const older = readdirSync(join(dir, 'versions'))
    .flatMap((file) => /^api-schema-([\d.]+)\.json$/.exec(file)?.[1] ?? [])
    .toSorted(byNumber);
  const read = (file: string): Facts => Facts.parse(JSON.parse(readFileSync(join(dir, file), 'utf8')));
  return new Map([
    ...older.map((version) => [version, read(`versions/api-schema-${version}.json`)] as const),
    [NEWEST, read('api-schema.json')] as const,
  ]);
}

function served(): readonly string[] {
  const file: unknown = JSON.parse(readFileSync(join(SCHEMA_DIR, 'endpoints.json'), 'utf8'));
  return Object.keys(z.looseObject({ endpoints: z.record(z.string(), z.unknown()) }).parse(file).endpoints);
}

async function main(dir: string): Promise<void> {
  const facts = readAll(dir);
  const versions = [...facts.keys()];
  const endpoints = served().flatMap((key) => {
    const [method = '', path = ''] = key.split(' ');
    const versioned = [...facts].flatMap(([version, { paths }]) => {
      const found = paths[path]?.[method];
      return found ? [[version, found] as const] : [];
    });
    if (versioned.length === 0) return [];
    const differences = differencesOf(versioned, versions);
    return Object.keys(differences).length > 0 ? [[key, differences] as const] : [];
  });
  const about =
    'How the API of Proxmox VE differs between versions, for the endpoints that the fake serves. Written by hack/generate/pve-versions.ts from the facts of each version: since and until are the first and the last of "versions" that has the endpoint or parameter (with a dot: the property), "former" are definitions up to a version, "checks" the privileges up to a version. Everything else is as in endpoints.json. "privileges" are those that not every version has.';
  const out = join(SCHEMA_DIR, 'versions.json');
  const text = JSON.stringify({
    about,
    versions,
    privileges: privilegesOf(facts),
    endpoints: Object.fromEntries(endpoints),
  });
  writeFileSync(out, await format(text, { ...(await resolveConfig(out)), parser: 'json' }));
}

const [dir] = process.argv.slice(2);
if (dir === undefined) throw new Error('usage: node hack/generate/pve-versions.ts FOLDER_OF_THE_FACTS');
await main(dir);
