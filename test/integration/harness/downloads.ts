/** A server that Proxmox VE downloads a file from, and the privilege that it needs for it. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { shippedCluster } from '../../fakepve/cluster-file.ts';

interface Served {
  /** `http://images.test:PORT`, a name that the fake takes for this machine. */
  readonly url: string;
  readonly checksum: string;
  /** How often the file was asked for. */
  readonly requests: () => number;
  readonly cluster: ReturnType<typeof shippedCluster>;
}

/** @param defer called with what ends the server */
export async function serve(file: Buffer, defer: (end: () => Promise<void>) => void): Promise<Served> {
  let requests = 0;
  const server = createServer((_request, response) => {
    requests += 1;
    response.end(file);
  }).listen(0, '127.0.0.1');
  defer(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const cluster = shippedCluster('document');
  const role = [...(cluster.roles['VirtRigaud'] ?? []), 'Sys.AccessNetwork'];
  return {
    url: `http://images.test:${port}`,
    checksum: `sha256:${createHash('sha256').update(file).digest('hex')}`,
    requests: () => requests,
    cluster: { ...cluster, name: `downloads-${port}`, roles: { VirtRigaud: role } },
  };
}
