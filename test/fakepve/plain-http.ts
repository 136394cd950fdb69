import type { Socket } from 'node:net';
import type { Server } from 'node:https';

/** The first byte of a TLS handshake. */
const HANDSHAKE = 22;

/** The redirect of a request without TLS: GET may be repeated as it is, other methods must be preserved. */
function redirect(head: string): string {
  const [, method = 'GET', path = '/'] = /^(\w+) (\S+)/.exec(head) ?? [];
  const [, host = 'localhost'] = /^host: *(\S+)/im.exec(head) ?? [];
  const status = method === 'GET' ? '301 Moved Permanently' : '308 Permanent Redirect';
  return `HTTP/1.1 ${status}\r\nLocation: https://${host}${path}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
}

/** PVE redirects requests without TLS to https on the same port. */
export function redirectPlainHttp(server: Server): void {
  const secure = server.listeners('connection');
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('readable', () => {
      const first: unknown = socket.read();
      if (!Buffer.isBuffer(first)) return;
      if (first[0] !== HANDSHAKE) {
        socket.end(redirect(first.toString('latin1')));
        return;
      }
      socket.unshift(first);
      for (const listener of secure) Reflect.apply(listener, server, [socket]);
    });
  });
}
