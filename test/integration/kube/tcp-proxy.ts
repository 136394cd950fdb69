/** Stands between the operator and the API server, and misbehaves when asked to. */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** Resets every open connection. */
  reset(): void;
  /** Resets every open connection and refuses new ones until `open`. */
  shut(): void;
  open(): void;
  /** How many connections were opened so far. */
  readonly opened: number;
  close(): Promise<void>;
}

export async function tcpProxy(target: URL): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isOpen = true;
  let opened = 0;
  const server = createServer((inner) => {
    if (!isOpen) {
      inner.resetAndDestroy();
      return;
    }
    opened += 1;
    const outer = connect(Number(target.port), target.hostname);
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
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const reset = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    reset,
    shut() {
      isOpen = false;
      reset();
    },
    open() {
      isOpen = true;
    },
    get opened() {
      return opened;
    },
    async close() {
      reset();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The same kubeconfig, by way of the proxy. */
export async function kubeconfigThrough(proxy: TcpProxy, kubeconfig: string, server: URL): Promise<string> {
  const file = `${kubeconfig}.proxy-${proxy.port}`;
  const text = await readFile(kubeconfig, 'utf8');
  await writeFile(file, text.replaceAll(`:${server.port}`, `:${proxy.port}`), { mode: 0o600 });
  return file;
}
