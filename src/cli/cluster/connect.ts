/** Opens the cluster that the flags name. */
import { connect } from '../../kube/kubeconfig.ts';
import type { Connection } from '../../kube/connection.ts';
import { transport } from '../../kube/transport.ts';
import type { Clock } from '../../runtime/clock.ts';
import { clusterOver, type Cluster } from './cluster.ts';

export interface Access {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
  readonly as?: string | undefined;
  readonly asGroups: readonly string[];
  readonly asUid?: string | undefined;
}

export interface OpenCluster {
  readonly cluster: Cluster;
  readonly close: () => Promise<void>;
}

export function openCluster(access: Access, clock: Clock, signal: AbortSignal): OpenCluster {
  const connection = impersonating(connect({ file: access.kubeconfig, context: access.context }), access);
  return {
    cluster: clusterOver(transport(connection, clock), access.namespace ?? connection.namespace, signal),
    close: () => connection.close(),
  };
}

/** Requests as somebody else, which the API server allows to those who may impersonate. */
function impersonating(connection: Connection, { as, asGroups, asUid }: Access): Connection {
  const headers = {
    ...(as !== undefined && { 'Impersonate-User': as }),
    ...(asGroups.length > 0 && { 'Impersonate-Group': [...asGroups] }),
    ...(asUid !== undefined && { 'Impersonate-Uid': asUid }),
  };
  return {
    ...connection,
    async sign(lane) {
      const signed = await connection.sign(lane);
      return { ...signed, headers: { ...signed.headers, ...headers } };
    },
  };
}
