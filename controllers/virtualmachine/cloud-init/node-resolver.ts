/**
 * The name servers and search domains that PVE would give to a guest: where its options name none, those of its node.
 * PVE writes them into a drive of its own, so an image has to have them as well.
 */
import { resolverIn, type Resolver } from '../../../src/cloudinit/index.ts';
import type { CallOptions, Pve } from '../../../src/pve/index.ts';
import { PveError } from '../../../src/pve/index.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { remembered } from '../../shared/cluster/remembered.ts';
import type { Guest } from '../../shared/guests/model.ts';

const REMEMBER_MS = 30_000;

const UNKNOWN: Resolver = { dns: [], search: [] };

export type ReadResolver = (
  connection: Connection,
  guest: Pick<Guest, 'node' | 'vmid' | 'config'>,
  options: CallOptions,
) => Promise<Resolver>;

export function createResolverReader(now: () => number): ReadResolver {
  const known = remembered<Resolver>(now, REMEMBER_MS);
  return async ({ pve }, guest, options) => {
    const { node, config } = guest;
    // Nothing else decides what PVE writes (Cloudinit.pm, get_dns_conf).
    const key = JSON.stringify([node, config['nameserver'], config['searchdomain'], config['citype']]);
    return (await known(pve, key, () => read(pve, guest, options))) ?? UNKNOWN;
  };
}

/** A refusal blocks nothing: the guest then gets what its spec says. */
async function read(
  pve: Pve,
  { node, vmid }: Pick<Guest, 'node' | 'vmid'>,
  options: CallOptions,
): Promise<Resolver | undefined> {
  try {
    return resolverIn(await pve.node(node).qemu(vmid).cloudInitNetwork(options));
  } catch (error) {
    if (error instanceof PveError && ['forbidden', 'invalid', 'unknown'].includes(error.refusal))
      return undefined;
    throw error;
  }
}
