/** The entry point: `pve(send).node('pve1').qemu(100).config()`. The handles mirror the paths of the PVE API. */
import type { NodeName } from '../lib/units.ts';
import { access, ACCESS, type Access, type Version } from './access.ts';
import { cluster, type Cluster } from './cluster.ts';
import type { CallOptions, Send } from './endpoint.ts';
import { ha, type Ha } from './ha.ts';
import { node, type Node } from './node.ts';

export interface Pve {
  version(options?: CallOptions): Promise<Version>;
  readonly cluster: Cluster;
  readonly access: Access;
  readonly ha: Ha;
  node(name: NodeName): Node;
}

export const pve = (send: Send): Pve => ({
  version: (options) => send(ACCESS.version, {}, options),
  cluster: cluster(send),
  access: access(send),
  ha: ha(send),
  node: (name) => node(send, name),
});
