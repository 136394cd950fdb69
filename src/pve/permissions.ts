/** Privileges that the operator needs, derived from the endpoints, and those that it lacks. */
import { ACCESS, type Permissions } from './access.ts';
import { AGENT } from './agent.ts';
import { CLUSTER } from './cluster.ts';
import type { Endpoint, Feature, Need } from './endpoint.ts';
import { HA } from './ha.ts';
import { NODE } from './node.ts';
import { QEMU } from './qemu-endpoints.ts';
import { SNAPSHOT } from './snapshots.ts';
import { STORAGE } from './storage.ts';
import { TASKS } from './tasks.ts';

/** Every endpoint the operator uses. */
export const ENDPOINTS: readonly Endpoint[] = [
  ACCESS,
  CLUSTER,
  HA,
  NODE,
  TASKS,
  STORAGE,
  QEMU,
  SNAPSHOT,
  AGENT,
].flatMap((table) => Object.values<Endpoint>(table));

export interface Scope {
  /** Major version of PVE: privileges differ between versions. */
  readonly major: number;
  /** Optional features in use. */
  readonly features?: readonly Feature[];
}

const appliesTo = (need: Need, major: number): boolean =>
  major >= (need.since ?? 0) && major <= (need.until ?? Infinity);

/** The required privileges without duplicates. */
export function neededPrivileges({ major, features = [] }: Scope): readonly Need[] {
  const needs = ENDPOINTS.flatMap((each) => each.needs)
    .filter(({ feature }) => feature === undefined || features.includes(feature))
    .filter((need) => appliesTo(need, major));
  const byKey = new Map(needs.map((need) => [`${need.path} ${need.anyOf.join('|')}`, need]));
  return [...byKey.values()];
}

/** `/vms/{vmid}` → `/vms`; `/` stays. */
export const baseOf = (path: string): string => path.replace(/\/\{.*$/, '') || '/';

const isBelow = (path: string, base: string): boolean =>
  base === '/' ? path !== '/' : path.startsWith(`${base}/`);

/** The path and its ancestors, up to `/`. */
export const ancestors = (path: string): string[] => {
  const parts = path.split('/').filter((part) => part !== '');
  return ['/', ...parts.map((_part, index) => `/${parts.slice(0, index + 1).join('/')}`)].toReversed();
};

/** ACL paths whose objects inherit privileges from the pools they belong to. */
const POOLED = new Set(['/vms', '/storage']);

/**
 * The ACL paths that may provide a privilege. PVE lists the effective privileges of each path that has an ACL entry.
 * Of the ancestors only the nearest counts, because its entry replaces those further up.
 */
function providingPaths(need: Need, held: Permissions): string[] {
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
  return providingPaths(need, held).some((path) => {
    const mustPropagate = path !== need.path && (path === base || isBelow(base, path));
    return need.anyOf.some((privilege) => {
      const propagates = held[path]?.[privilege];
      return propagates !== undefined && (propagates || !mustPropagate);
    });
  });
}

/**
 * Privileges that are held neither on the path nor on any object below it. A privilege on some objects only is not
 * missing, because the administrator may restrict the operator to them.
 */
export const missingPrivileges = (needs: readonly Need[], held: Permissions): readonly Need[] =>
  needs.filter((need) => !isMet(need, held));

/** For messages and status: `VM.Config.CPU on /vms`. */
export const printNeed = ({ path, anyOf }: Need): string => `${anyOf[0]} on ${baseOf(path)}`;
