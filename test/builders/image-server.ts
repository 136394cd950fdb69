/** A server that Proxmox VE downloads an image from, and a cluster whose credentials may do so. */
import { createHash } from 'node:crypto';
import { shippedCluster } from '../fakepve/cluster-file.ts';
import { startFileServer } from './file-server.ts';

export interface ImageServer {
  /** `http://images.test:PORT`, a name that the fake takes for this machine. */
  readonly url: string;
  readonly checksum: string;
  /** How often the file was asked for. */
  readonly requests: () => number;
  readonly close: () => Promise<void>;
}

/** Serves the file at every path. */
export async function serveImage(file: Buffer): Promise<ImageServer> {
  const server = await startFileServer((_request, response) => void response.end(file));
  return {
    url: server.origin,
    checksum: `sha256:${createHash('sha256').update(file).digest('hex')}`,
    requests: () => server.requests.length,
    close: async () => server[Symbol.asyncDispose](),
  };
}

/** The demo cluster, with the privilege that a download needs. */
export function clusterWithDownloads(): ReturnType<typeof shippedCluster> {
  const cluster = shippedCluster('document');
  const role = [...(cluster.roles['VirtRigaud'] ?? []), 'Sys.AccessNetwork'];
  return { ...cluster, roles: { ...cluster.roles, VirtRigaud: role } };
}
