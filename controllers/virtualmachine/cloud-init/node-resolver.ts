/**
 * The name servers and search domains that PVE would give to a guest: where its options name none, those of its node.
 * PVE writes them into a drive of its own, so an image has to have them as well.
 */
import { resolverIn, type Resolver } from '../../../src/cloudinit/index.ts';
import type { CallOptions, Pve } from '../../../src/pve/index.ts';
import { PveError } from '../../../src/pve/index.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import type { Guest } from '../../shared/guests/model.ts';

/** The resolver of a node hardly ever changes; fifty VMs that are created at once should not ask fifty times. */
const REMEMBER_MS = 30_000;

const UNKNOWN: Resolver = { dns: [], search: [] };

export type ReadResolver = (
  connection: Connection,
  guest: Pick<Guest, 'node' | 'vmid' | 'config'>,
  options: CallOptions,
) => Promise<Resolver>;

export function createResolverReader(now: () => number): ReadResolver {
  /** A Connection is created again in each pass of its Provider; the handles stay. */
  const known = new WeakMap<Pve, Map<string, { readonly resolver: Resolver; readonly at: number }>>();
  return async ({ pve }, guest, options) => {
    const { node, config } = guest;
    // Nothing else decides what PVE writes (Cloudinit.pm, get_dns_conf).
    const key = JSON.stringify([node, config['nameserver'], config['searchdomain'], config['citype']]);
    const all = known.get(pve) ?? new Map<string, { resolver: Resolver; at: number }>();
    known.set(pve, all);
    const cached = all.get(key);
    if (cached && now() - cached.at < REMEMBER_MS) return cached.resolver;
    const resolver = await read(pve, guest, options);
    if (resolver !== UNKNOWN) all.set(key, { resolver, at: now() });
    return resolver;
  };
}

/** A refusal blocks nothing: the guest then gets what its spec says. */
async function read(
  pve: Pve,
  { node, vmid }: Pick<Guest, 'node' | 'vmid'>,
  options: CallOptions,
): Promise<Resolver> {
  try {
    return resolverIn(await pve.node(node).qemu(vmid).cloudInitNetwork(options));
  } catch (error) {
    if (error instanceof PveError && (error.refusal === 'forbidden' || error.refusal === 'invalid'))
      return UNKNOWN;
    throw error;
  }
}
