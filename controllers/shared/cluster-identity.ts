/** Which PVE cluster is behind an endpoint, and whether it is still the one it was. Pure. */

import type { ClusterIdentity } from '../../src/pve/index.ts';

/** As kept in `status.clusterID`: `homelab/pve-1,pve-2`. */
export const printIdentity = ({ name, nodes }: ClusterIdentity): string =>
  `${name ?? ''}/${nodes.toSorted().join(',')}`.slice(0, 256);

export function parseIdentity(text: string): ClusterIdentity {
  const at = text.indexOf('/');
  const name = text.slice(0, at);
  return {
    name: name === '' ? undefined : name,
    nodes: text
      .slice(at + 1)
      .split(',')
      .filter((node) => node !== ''),
  };
}

/**
 * Nodes come and go and a lone node may join a cluster, but something stays: a cluster of another name, or one
 * without a single node of before, is another one.
 */
export function isSameCluster(before: ClusterIdentity, now: ClusterIdentity): boolean {
  const renamed = before.name !== undefined && before.name !== now.name;
  return !renamed && now.nodes.some((node) => before.nodes.includes(node));
}
