/** The identity of a PVE cluster, as its nodes report it. */

export interface ClusterIdentity {
  /** Absent on a standalone node, and if the credentials may not read it. */
  readonly name: string | undefined;
  readonly nodes: readonly string[];
  /** Address of a standalone node, if known. It is needed because many such nodes are called `pve`, as the installer suggests. */
  readonly address?: string | undefined;
}

/** An endpoint belongs to another cluster than the others. */
export class OtherClusterError extends Error {
  override readonly name = 'OtherClusterError';
  static readonly code = 'otherCluster';
  readonly code = OtherClusterError.code;

  constructor({ name, nodes }: ClusterIdentity) {
    super(
      `it belongs to another Proxmox VE cluster (${name ?? 'standalone'}; nodes: ${nodes.slice(0, 8).join(', ')}) and is not used`,
    );
  }
}
