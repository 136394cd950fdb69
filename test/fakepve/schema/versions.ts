/** The API of older versions of PVE, as it differs from that of endpoints.json. */
import { readFileSync } from 'node:fs';
import { endpoints, propertyFormat, registerFormat } from './schema.ts';
import type { Check, Definition, Definitions, Endpoint } from './schema.ts';

interface Lifetime {
  readonly since?: string;
  readonly until?: string;
}

/** What was in force up to a version, oldest first. */
type Former<T> = readonly (readonly [until: string, T])[];

interface Differences extends Lifetime {
  /** With a dot: a property of a property string. */
  readonly params?: Readonly<Record<string, Lifetime>>;
  readonly former?: Readonly<Record<string, Former<Definition>>>;
  readonly checks?: Former<Check | undefined>;
}

interface VersionsFile {
  readonly versions: readonly string[];
  readonly privileges: Readonly<Record<string, Lifetime>>;
  readonly endpoints: Readonly<Record<string, Differences>>;
}

const file = JSON.parse(readFileSync(new URL('./versions.json', import.meta.url), 'utf8')) as VersionsFile;

/** The versions whose API is known, oldest first. */
export const { versions } = file;
export const NEWEST = versions.at(-1) ?? '';

const order = (version: string): number => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major * 1000 + minor;
};

export const isOlder = (version: string, than: string): boolean => order(version) < order(than);

const isAlive = ({ since, until }: Lifetime, version: string): boolean =>
  (since === undefined || !isOlder(version, since)) && (until === undefined || !isOlder(until, version));

const formerIn = <T>(former: Former<T> | undefined, version: string): T | undefined =>
  former?.find(([until]) => !isOlder(until, version))?.[1];

/** The privileges of that version. */
export const privilegesIn = (newest: ReadonlySet<string>, version: string): ReadonlySet<string> => {
  const { privileges } = file;
  const dropped = Object.keys(privileges).filter((name) => !newest.has(name));
  return new Set([...newest, ...dropped].filter((name) => isAlive(privileges[name] ?? {}, version)));
};

const stemOf = (name: string): string => name.replace(/\d+$/, '[n]');

/** The properties of a property string in that version; `undefined`: the same as now. */
function propertiesIn(stem: string, now: Definitions, version: string, differences: Differences) {
  const { params = {}, former = {} } = differences;
  const own = (key: string): boolean => key.startsWith(`${stem}.`);
  const names = new Set([
    ...Object.keys(now),
    ...[...Object.keys(params), ...Object.keys(former)].filter(own).map((key) => key.slice(stem.length + 1)),
  ]);
  const entries = [...names].flatMap((name): [string, Definition][] => {
    const key = `${stem}.${name}`;
    const definition = formerIn(former[key], version) ?? now[name];
    return definition && isAlive(params[key] ?? {}, version) ? [[name, definition]] : [];
  });
  const then = Object.fromEntries(entries);
  return JSON.stringify(then) === JSON.stringify(now) ? undefined : then;
}

/** `scsi0` counts as `scsi[n]`, and `efidisk0` as itself. */
const nameIn = ({ params = {}, former = {} }: Differences, name: string): string =>
  [...Object.keys(params), ...Object.keys(former)].some((key) => key === name || key.startsWith(`${name}.`))
    ? name
    : stemOf(name);

function definitionIn(
  name: string,
  now: Definition,
  version: string,
  differences: Differences,
): Definition | undefined {
  const { params = {}, former = {} } = differences;
  const key = nameIn(differences, name);
  if (!isAlive(params[key] ?? {}, version)) return undefined;
  const older = formerIn(former[key], version);
  if (older) return older;
  if (now.properties === undefined) return now;
  const properties = propertiesIn(key, propertyFormat(now.properties), version, differences);
  return properties
    ? { ...now, properties: registerFormat(`${now.properties} of ${key} in ${version}`, properties) }
    : now;
}

function endpointThen(key: string, now: Endpoint, version: string): Endpoint | undefined {
  const differences = file.endpoints[key];
  if (!differences) return now;
  if (!isAlive(differences, version)) return undefined;
  const params = Object.entries(now.params).flatMap(([name, definition]): [string, Definition][] => {
    const then = definitionIn(name, definition, version, differences);
    return then ? [[name, then]] : [];
  });
  const check = formerIn(differences.checks, version) ?? now.check;
  return { ...now, params: Object.fromEntries(params), ...(check && { check }) };
}

const known = new Map<string, Endpoint | undefined>();

/** The endpoint `METHOD /path/{placeholder}` in that version; `undefined`: the version does not have it. */
export function endpointIn(key: string, version: string): Endpoint | undefined {
  const now = endpoints.get(key);
  if (!now || version === NEWEST) return now;
  const at = `${version} ${key}`;
  if (!known.has(at)) known.set(at, endpointThen(key, now, version));
  return known.get(at);
}
