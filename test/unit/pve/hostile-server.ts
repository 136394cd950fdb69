/** A TCP server that answers whatever a test writes to the socket, and counts what it got rid of. */
import { createServer, type AddressInfo, type Socket } from 'node:net';

/** Answers one request. */
export type Attack = (socket: Socket) => void;

export interface HostileServer {
  readonly url: string;
  /** What every request is answered with from now on; absent: an empty, correct answer. */
  attackWith(attack: Attack | undefined): void;
  /** Bytes that left the process since the last attack began. */
  sent(): number;
  requests(): number;
  close(): Promise<void>;
}

export const http = (body: string | Buffer, headers: readonly string[] = [], status = '200 OK'): Attack => {
  const bytes = Buffer.from(body);
  const head = [`HTTP/1.1 ${status}`, `Content-Length: ${bytes.length}`, ...headers];
  return (socket) => void socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]));
};

export const raw =
  (text: string | Buffer): Attack =>
  (socket) =>
    void socket.end(text);

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

/** Begins so, and goes on with the same for ever. */
export const endless =
  (begin: string, piece: string): Attack =>
  (socket) => {
    const block = Buffer.from(piece.repeat(Math.ceil(65_536 / piece.length)));
    const goOn = (): void => {
      while (socket.writable && socket.write(block));
    };
    socket.on('drain', goOn);
    socket.write(begin);
    goOn();
  };

export const endlessBody = (begin: string, piece: string): Attack => {
  const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
  return endless(CHUNKED + chunk(begin), chunk(piece.repeat(Math.ceil(8192 / piece.length))));
};

/** A byte every few milliseconds. */
export const slowly =
  (text: string): Attack =>
  (socket) => {
    let at = 0;
    const timer = setInterval(() => socket.write(text[at++ % text.length] ?? ''), 5);
    socket.on('close', () => clearInterval(timer));
  };

export async function hostileServer(): Promise<HostileServer> {
  let attack: Attack | undefined;
  let requests = 0;
  let before = 0;
  const sockets = new Set<Socket>();
  const closed: number[] = [];
  const written = (): number =>
    closed.reduce((sum, bytes) => sum + bytes, 0) +
    [...sockets].reduce((sum, socket) => sum + socket.bytesWritten - socket.writableLength, 0);
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      closed.push(socket.bytesWritten - socket.writableLength);
      sockets.delete(socket);
    });
    socket.on('data', () => {
      requests += 1;
      (attack ?? http('{"data":[]}'))(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    attackWith(next) {
      attack = next;
      before = written();
    },
    sent: () => written() - before,
    requests: () => requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
