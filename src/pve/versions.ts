/** What a version of PVE knows: requests are fitted to the version of the node that they are for. Pure. */
import type { Endpoint, Lifetime, Lifetimes, Params } from './endpoint.ts';
import { parseProperties, printProperties } from './property-string.ts';

/** The oldest version whose API the operator knows. */
export const OLDEST = '7.0';

const numbers = (version: string): readonly [major: number, minor: number] => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return [major, minor];
};

/** Below 0: `a` is older than `b`. */
export function compareVersions(a: string, b: string): number {
  const [majorA, minorA] = numbers(a);
  const [majorB, minorB] = numbers(b);
  return majorA - majorB || minorA - minorB;
}

/** Whether this version has what exists in these. */
export const isAliveIn = ({ since, until }: Lifetime, version: string): boolean =>
  (since === undefined || compareVersions(version, since) >= 0) &&
  (until === undefined || compareVersions(version, until) <= 0);

/** A parameter that a request needs and a version does not have. */
export interface Unsupported {
  readonly name: string;
  readonly lifetime: Lifetime;
}

export interface Fitted<V = Params[string]> {
  readonly params: Readonly<Record<string, V | string>>;
  /** What the version lacks and the request cannot do without: it must not be sent. */
  readonly unsupported: readonly Unsupported[];
}

const stemOf = (name: string): string => name.replace(/\d+$/, '[n]');

const lifetimeOf = (lifetimes: Lifetimes, name: string, property?: string): Lifetime => {
  const of = (key: string): Lifetime | undefined =>
    lifetimes[property === undefined ? key : `${key}.${property}`];
  return of(name) ?? of(stemOf(name)) ?? {};
};

/** Parameters that list names of options. PVE refuses the name of one that it does not have. */
const LISTS = new Set(['delete', 'revert']);

/**
 * Leaves out what the version does not have.
 * @param lifetimes of the parameters that not every version has
 * @param version `undefined`: not known, and nothing is left out
 */
export function fitParams<V extends Params[string]>(
  params: Readonly<Record<string, V>>,
  lifetimes: Lifetimes | undefined,
  version: string | undefined,
): Fitted<V> {
  if (lifetimes === undefined || version === undefined) return { params, unsupported: [] };
  const unsupported: Unsupported[] = [];
  const isKept = (name: string, property?: string): boolean => {
    const lifetime = lifetimeOf(lifetimes, name, property);
    if (isAliveIn(lifetime, version)) return true;
    if (lifetime.omissible === true) return false;
    unsupported.push({ name: property === undefined ? name : `${name}.${property}`, lifetime });
    // Half a value would mean something else.
    return property !== undefined;
  };
  const fitted = Object.entries(params).flatMap(([name, value]): [string, V | string][] => {
    if (value === undefined || !isKept(name)) return [];
    if (typeof value !== 'string') return [[name, value]];
    if (!isKept(`${name}=${value}`)) return [];
    const text = LISTS.has(name) ? listFor(value, lifetimes, version) : propertiesFor(name, value, isKept);
    return text === '' && value !== '' ? [] : [[name, text]];
  });
  return { params: Object.fromEntries(fitted), unsupported };
}

/** An option that the version does not have is set nowhere, so there is nothing to delete. */
const listFor = (value: string, lifetimes: Lifetimes, version: string): string =>
  value
    .split(',')
    .filter((name) => isAliveIn(lifetimeOf(lifetimes, name), version))
    .join(',');

function propertiesFor(
  name: string,
  value: string,
  isKept: (name: string, property?: string) => boolean,
): string {
  // Most values have no property with a name, and a text such as a description must stay as it is.
  if (!PROPERTY_STRINGS.test(name) || !value.includes('=')) return value;
  const properties = parseProperties(value);
  const kept = properties.filter(({ key }) => key === undefined || isKept(name, key));
  return kept.length === properties.length ? value : printProperties(kept);
}

const PROPERTY_STRINGS =
  /^((ide|sata|scsi|virtio|net|usb|virtiofs)\d+|efidisk0|tpmstate0|agent|machine|memory|vga)$/;

/** Fits a call to the version of its node. */
export function fitCall(
  { method, path, since, lifetimes }: Pick<Endpoint, 'method' | 'path' | 'since' | 'lifetimes'>,
  params: Params,
  version: string | undefined,
): Fitted {
  if (version === undefined || isAliveIn({ ...(since && { since }) }, version))
    return fitParams(params, lifetimes, version);
  return { params, unsupported: [{ name: `${method} ${path}`, lifetime: { ...(since && { since }) } }] };
}

/** `Proxmox VE 8.0 or newer`. */
export const printLifetime = ({ since, until }: Lifetime): string =>
  since === undefined ? `Proxmox VE ${until ?? OLDEST} or older` : `Proxmox VE ${since} or newer`;
