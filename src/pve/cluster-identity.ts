/** What tells one PVE cluster from another, as far as its nodes report it themselves. */

export interface ClusterIdentity {
  /** Absent on a node that belongs to no cluster, and where we may not know. */
  readonly name: string | undefined;
  readonly nodes: readonly string[];
  /** Of a node that belongs to no cluster, where known: many such nodes are called `pve`, as the installer suggests. */
  readonly address?: string | undefined;
}

/** Another cluster answers at an endpoint than at the others. */
export class OtherCluster extends Error {
  override readonly name = 'OtherCluster';
  static readonly code = 'otherCluster';
  readonly code = OtherCluster.code;

  constructor({ name, nodes }: ClusterIdentity) {
    super(
      `another Proxmox VE cluster answers there (${name ?? 'a node without a cluster'}: ${nodes.slice(0, 8).join(', ')}), so this endpoint is not used`,
    );
  }
}
