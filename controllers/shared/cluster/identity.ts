/** Which PVE cluster is behind an endpoint, and whether it is still the one it was. Pure. */

import type { ClusterIdentity } from '../../../src/pve/index.ts';

/** As kept in `status.clusterID`: `homelab/pve-1,pve-2`, or of a node without a cluster `/pve@192.0.2.10`. */
export const printIdentity = ({ name, nodes, address }: ClusterIdentity): string =>
  `${name ?? ''}/${nodes.toSorted().join(',')}${address === undefined ? '' : `@${address}`}`.slice(0, 256);

export function parseIdentity(text: string): ClusterIdentity {
  const at = text.indexOf('/');
  const name = text.slice(0, at);
  const [nodes = '', address] = text.slice(at + 1).split('@');
  return {
    name: name === '' ? undefined : name,
    nodes: nodes.split(',').filter((node) => node !== ''),
    address,
  };
}

/**
 * Nodes join and leave, and a standalone node may join a cluster, but something stays: a cluster of another name, one
 * without any of its former nodes, and a standalone node at another address are another cluster.
 */
export function isSameCluster(before: ClusterIdentity, now: ClusterIdentity): boolean {
  const renamed = before.name !== undefined && before.name !== now.name;
  const moved = before.address !== undefined && now.address !== undefined && before.address !== now.address;
  return !renamed && !moved && now.nodes.some((node) => before.nodes.includes(node));
}

/**
 * Whether a Provider that was connected to this cluster may be connected to that one: VMIDs of its VMs are not
 * reserved there.
 * @param before as kept in `status.clusterID`; absent: not known
 */
export function mayBeIn(before: string | undefined, cluster: ClusterIdentity): boolean {
  if (before === undefined) return true;
  const known = parseIdentity(before);
  // Credentials that may not read the name of the cluster prove nothing: its nodes decide.
  return isSameCluster(cluster.name === undefined ? { ...known, name: undefined } : known, cluster);
}
