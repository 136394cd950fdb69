/** A new VM goes to a node that has its bridges; that none has them is told before anything is made, not by a guest that does not start. */
import type { CallOptions, Pve } from '../../../src/pve/index.ts';
import { PveError } from '../../../src/pve/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import type { Creations } from '../placement/creation.ts';
import type { Creation } from '../model/placement.ts';

/** Networks rarely change, and creating fifty VMs at once should not read them fifty times. */
const CACHE_TTL_MS = 30_000;

/** A vnet has at most eight letters and digits (pve-network, parse_sdn_vnet_id). */
const MAY_BE_VNET = /^[a-zA-Z][a-zA-Z0-9]{0,7}$/;
const NAMED_LIKE_A_BRIDGE = /^vmbr\d+$/;

/**
 * The first bridge that certainly does not exist. A vnet may be hidden from the credentials, or appear on the node at
 * the next reload, so names that may be vnets are not reported.
 */
export const firstMissingBridge = (
  wanted: readonly string[],
  there: ReadonlySet<string>,
): string | undefined =>
  wanted.find((name) => !there.has(name) && (NAMED_LIKE_A_BRIDGE.test(name) || !MAY_BE_VNET.test(name)));

/** Decides like `creations`, but only among the nodes that have the bridges. */
export function withBridges(creations: Creations, now: () => number): Creations {
  /** A Connection is made again at each pass of its Provider; the handles stay. */
  const known = new WeakMap<
    Pve,
    Map<NodeName, { readonly names: ReadonlySet<string>; readonly at: number }>
  >();

  async function bridgesOf(
    pve: Pve,
    node: NodeName,
    options: CallOptions,
  ): Promise<ReadonlySet<string> | undefined> {
    const nodes = known.get(pve) ?? new Map<NodeName, { names: ReadonlySet<string>; at: number }>();
    known.set(pve, nodes);
    const cached = nodes.get(node);
    if (cached && now() - cached.at < CACHE_TTL_MS) return cached.names;
    const names = await read(pve, node, options);
    if (names) nodes.set(node, { names, at: now() });
    return names;
  }

  return {
    async decide(resolved, claim, where, options) {
      const wanted = resolved.shape?.nics?.map(({ bridge }) => bridge) ?? [];
      const unfit = new Map(where.unfit);
      const missingBridges = new Set<string>();
      // Each iteration excludes a node, so the loop ends.
      for (;;) {
        const creation = await creations.decide(resolved, claim, { ...where, unfit }, options);
        if (!creation.ok)
          return missingBridges.size > 0 ? notFound(missingBridges, creation.message) : creation;
        if (wanted.length === 0) return creation;
        const there = await bridgesOf(resolved.connection.pve, creation.node, options);
        const missing = there && firstMissingBridge(wanted, there);
        if (missing === undefined) return creation;
        missingBridges.add(missing);
        unfit.set(creation.node, `has no bridge "${missing}"`);
      }
    },
  };
}

/** `undefined` if the interfaces cannot be read; PVE then decides when the guest starts. */
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

const notFound = (bridges: ReadonlySet<string>, unplaced: string): Creation => ({
  ok: false,
  reason: 'BridgeNotFound',
  message:
    `${unplaced} An existing bridge may be hidden because the credentials lack SDN.Use on ${[...bridges].map((name) => `/sdn/zones/localnetwork/${name}`).join(', ')}. ` +
    `Correct spec.networks, create the bridge on a node, or grant the privilege.`,
});
