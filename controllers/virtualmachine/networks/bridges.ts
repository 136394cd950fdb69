/** The bridges of nodes. If no node has those of a new VM, this is reported before anything is created, not by a guest that does not start. */
import type { CallOptions, Pve } from '../../../src/pve/index.ts';
import { PveError } from '../../../src/pve/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import type { Connection } from '../../shared/cluster/connections.ts';

/** Networks hardly ever change; fifty VMs that are created at once should not ask fifty times. */
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

export function createBridgeReader(now: () => number): ReadBridges {
  /** A Connection is created again in each pass of its Provider; the handles stay. */
  const known = new WeakMap<
    Pve,
    Map<NodeName, { readonly names: ReadonlySet<string>; readonly at: number }>
  >();
  return async (connection, node, options) => {
    const nodes =
      known.get(connection.pve) ?? new Map<NodeName, { names: ReadonlySet<string>; at: number }>();
    known.set(connection.pve, nodes);
    const cached = nodes.get(node);
    if (cached && now() - cached.at < REMEMBER_MS) return cached.names;
    const names = await read(connection, node, options);
    if (names !== 'unknown') nodes.set(node, { names, at: now() });
    return names;
  };
}

async function read({ pve }: Connection, node: NodeName, options: CallOptions): Promise<Bridges> {
  try {
    const interfaces = await pve.node(node).network({ ...options, type: 'any_bridge' });
    return new Set(interfaces.map(({ iface }) => iface));
  } catch (error) {
    if (error instanceof PveError) return 'unknown';
    throw error;
  }
}
