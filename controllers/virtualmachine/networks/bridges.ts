/** The bridges of nodes. If no node has those of a new VM, this is reported before anything is created, not by a guest that does not start. */
import type { CallOptions, Pve } from '../../../src/pve/index.ts';
import { PveError } from '../../../src/pve/index.ts';
import { closestOf } from '../../../src/lib/closest.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { remembered } from '../../shared/cluster/remembered.ts';

const REMEMBER_MS = 30_000;

/** The names of a node's bridges; `unknown`: PVE does not report them, so the decision is left to PVE. */
export type Bridges = ReadonlySet<string> | 'unknown';

export type ReadBridges = (connection: Connection, node: NodeName, options: CallOptions) => Promise<Bridges>;

/** A vnet has at most eight letters and digits (pve-network, parse_sdn_vnet_id). */
const MAY_BE_VNET = /^[a-zA-Z][a-zA-Z0-9]{0,7}$/;
const NAMED_LIKE_A_BRIDGE = /^vmbr\d+$/;

/**
 * The first of the bridges that is certainly missing. VNets may be hidden from the credentials, or reach the
 * node with the next reload, so only what cannot be a VNet counts as missing.
 */
export const firstMissingBridge = (
  wanted: readonly string[],
  there: ReadonlySet<string>,
): string | undefined =>
  wanted.find((name) => !there.has(name) && (NAMED_LIKE_A_BRIDGE.test(name) || !MAY_BE_VNET.test(name)));

/**
 * Instead of one that is missing.
 * @param granted - those that the namespace may use; absent: all
 */
export const bridgesInstead = (
  missing: string,
  there: Iterable<string>,
  granted: readonly string[] | undefined,
): string =>
  closestOf(
    missing,
    [...there].filter((name) => granted?.includes(name) ?? true),
  ) || 'none';

export function createBridgeReader(now: () => number): ReadBridges {
  const known = remembered<ReadonlySet<string>>(now, REMEMBER_MS);
  return async ({ pve }, node, options) =>
    (await known(pve, node, () => read(pve, node, options))) ?? 'unknown';
}

async function read(
  pve: Pve,
  node: NodeName,
  options: CallOptions,
): Promise<ReadonlySet<string> | undefined> {
  try {
    const interfaces = await pve.node(node).network({ ...options, type: 'any_bridge' });
    return new Set(interfaces.map(({ iface }) => iface));
  } catch (error) {
    if (error instanceof PveError) return undefined;
    throw error;
  }
}
