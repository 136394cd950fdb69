/** A server that Proxmox VE downloads a file from, and the privilege that it needs for it. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { shippedCluster } from './cluster-file.ts';

export interface ImageServer {
  /** `http://images.test:PORT`, a name that the fake takes for this machine. */
  readonly url: string;
  readonly checksum: string;
  /** How often the file was asked for. */
  readonly requests: () => number;
  readonly close: () => Promise<void>;
}

/** A qcow2 file as far as Proxmox VE looks at it: what it is, and the size of its disk. */
export function diskImage(size: bigint): Buffer {
  const file = Buffer.alloc(512);
  file.writeUInt32BE(0x51_46_49_fb, 0);
  file.writeBigUInt64BE(size, 24);
  return file;
}

/** Serves the file at every path. */
export async function serveImage(file: Buffer): Promise<ImageServer> {
  let requests = 0;
  const server = createServer((_request, response) => {
    requests += 1;
    response.end(file);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://images.test:${port}`,
    checksum: `sha256:${createHash('sha256').update(file).digest('hex')}`,
    requests: () => requests,
    close: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}

/** The demo cluster, with credentials that may download. */
export function clusterWithDownloads(): ReturnType<typeof shippedCluster> {
  const cluster = shippedCluster('document');
  const role = [...(cluster.roles['VirtRigaud'] ?? []), 'Sys.AccessNetwork'];
  return { ...cluster, roles: { ...cluster.roles, VirtRigaud: role } };
}
