/** A server that disk images are downloaded from. Its names end in `.test`: see `resolveTest`. */
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { resolvePublic, type Resolve } from '../../src/download/index.ts';
import { makeCertificate } from '../fakepve/certificate.ts';

/** Names below `.test` are this machine; everything else is what it is. */
export const resolveTest: Resolve = (host) =>
  host.endsWith('.test') ? Promise.resolve([{ address: '127.0.0.1', family: 4 }]) : resolvePublic(host);

export interface FileServer extends AsyncDisposable {
  /** Such as `https://images.test:4711`. */
  readonly origin: string;
  /** PEM. */
  readonly ca: string;
  readonly requests: readonly { readonly url: string; readonly headers: IncomingHttpHeaders }[];
}

export async function startFileServer(
  answer: RequestListener,
  { tls = false, name = 'images.test' }: { readonly tls?: boolean; readonly name?: string } = {},
): Promise<FileServer> {
  const { key, cert } = makeCertificate([name]);
  const requests: { url: string; headers: IncomingHttpHeaders }[] = [];
  const recorded: RequestListener = (request, response) => {
    requests.push({ url: request.url ?? '', headers: request.headers });
    answer(request, response);
  };
  const server = tls ? createTlsServer({ key, cert }, recorded) : createServer(recorded);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `${tls ? 'https' : 'http'}://${name}:${port}`,
    ca: cert,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
