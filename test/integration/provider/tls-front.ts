/** Another address of a fake Proxmox VE, as a further node is: with a certificate of its own, and out of reach when asked to. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:tls';
import { makeCertificate, type ServerCertificate } from '../../fakepve/certificate.ts';

export interface TlsFront {
  readonly url: string;
  readonly certificate: ServerCertificate;
  /** Resets every connection; new ones find another certificate. */
  renew: () => ServerCertificate;
  /** Resets every connection and refuses new ones. */
  shut: () => Promise<void>;
  /** On the same port as before. */
  open: () => Promise<void>;
  close: () => Promise<void>;
}

export async function tlsFront(target: { readonly port: number }): Promise<TlsFront> {
  let certificate = makeCertificate();
  const sockets = new Set<Socket>();
  const server = createServer(certificate, (inner) => {
    const outer = connect({ port: target.port, host: '127.0.0.1', rejectUnauthorized: false });
    for (const [socket, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  // One that is still in its handshake counts as well: it would live on, and `shut` would wait for it without end.
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  let port = 0;
  const open = async (): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    port = typeof address === 'object' && address ? address.port : 0;
  };
  const reset = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const shut = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    reset();
    await closed;
  };
  await open();
  return {
    url: `https://127.0.0.1:${port}`,
    get certificate() {
      return certificate;
    },
    renew() {
      certificate = makeCertificate();
      server.setSecureContext(certificate);
      reset();
      return certificate;
    },
    shut,
    open,
    close: shut,
  };
}
