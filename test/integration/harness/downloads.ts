/** A server that Proxmox VE downloads a file from, and a cluster whose credentials may do so. */
import { clusterWithDownloads, serveImage, type ImageServer } from '../../builders/image-server.ts';

interface Served extends Omit<ImageServer, 'close'> {
  readonly cluster: ReturnType<typeof clusterWithDownloads>;
}

/** @param defer called with what ends the server */
export async function serve(file: Buffer, defer: (end: () => Promise<void>) => void): Promise<Served> {
  const { close, ...server } = await serveImage(file);
  defer(close);
  return { ...server, cluster: { ...clusterWithDownloads(), name: `downloads-${new URL(server.url).port}` } };
}
