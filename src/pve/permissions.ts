/** Which privileges the operator needs, and which it lacks. Derived from the endpoints. */
import { ACCESS, type Permissions } from './access.ts';
import { AGENT } from './agent.ts';
import { CLUSTER } from './cluster.ts';
import type { Endpoint, Feature, Need } from './endpoint.ts';
import { NODE } from './node.ts';
import { QEMU } from './qemu-endpoints.ts';
import { STORAGE } from './storage.ts';
import { TASKS } from './tasks.ts';

/** Every endpoint the operator uses. */
export const ENDPOINTS: readonly Endpoint[] = [ACCESS, CLUSTER, NODE, TASKS, STORAGE, QEMU, AGENT].flatMap(
  (table) => Object.values<Endpoint>(table),
);

export interface Scope {
  /** Major version of PVE: privileges come and go. */
  readonly major: number;
  /** What is used beyond the basics. */
  readonly features?: readonly Feature[];
}

const fits = (need: Need, major: number): boolean =>
  major >= (need.since ?? 0) && major <= (need.until ?? Infinity);

/** Each need once. */
export function neededPrivileges({ major, features = [] }: Scope): readonly Need[] {
  const needs = ENDPOINTS.flatMap((each) => each.needs)
    .filter(({ feature }) => feature === undefined || features.includes(feature))
    .filter((need) => fits(need, major));
  const byKey = new Map(needs.map((need) => [`${need.path} ${need.anyOf.join('|')}`, need]));
  return [...byKey.values()];
}

/** `/vms/{vmid}` → `/vms`; `/` stays. */
export const baseOf = (path: string): string => path.replace(/\/\{.*$/, '') || '/';

const isBelow = (path: string, base: string): boolean =>
  base === '/' ? path !== '/' : path.startsWith(`${base}/`);

/** The path itself, the one above it, and so on up to `/`. */
export const ancestors = (path: string): string[] => {
  const parts = path.split('/').filter((part) => part !== '');
  return ['/', ...parts.map((_part, index) => `/${parts.slice(0, index + 1).join('/')}`)].toReversed();
};

/** ACL paths under which pools hand privileges on to their members. */
const POOLED = new Set(['/vms', '/storage']);

/**
 * The ACL paths whose privileges may serve a need. PVE lists the effective privileges of each path that has an ACL,
 * so of the paths above only the nearest counts: what is granted there replaces what is granted further up.
 */
function servingPaths(need: Need, held: Permissions): string[] {
  const base = baseOf(need.path);
  const nearest = ancestors(base).find((path) => held[path] !== undefined);
  if (base === need.path) return nearest === undefined ? [] : [nearest];
  const below = Object.keys(held).filter(
    (path) => isBelow(path, base) || (POOLED.has(base) && isBelow(path, '/pool')),
  );
  return nearest === undefined ? below : [nearest, ...below];
}

function isMet(need: Need, held: Permissions): boolean {
  const base = baseOf(need.path);
  return servingPaths(need, held).some((path) => {
    const mustPropagate = path !== need.path && (path === base || isBelow(base, path));
    return need.anyOf.some((privilege) => {
      const propagates = held[path]?.[privilege];
      return propagates !== undefined && (propagates || !mustPropagate);
    });
  });
}

/**
 * Needs that are met nowhere: neither on the path as a whole nor for a single object below it. What is granted for
 * some objects only counts as met, for which they are is the administrator's choice.
 */
export const missingPrivileges = (needs: readonly Need[], held: Permissions): readonly Need[] =>
  needs.filter((need) => !isMet(need, held));

/** For people and for status: `VM.Config.CPU on /vms`. */
export const printNeed = ({ path, anyOf }: Need): string => `${anyOf[0]} on ${baseOf(path)}`;
