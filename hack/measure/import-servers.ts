/**
 * For hack/measure-import.ts, as a process of its own: a server that disk images are downloaded from, and one that takes
 * uploads as Proxmox VE does and throws them away. Tells its parent where they are.
 */
import { randomFillSync } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { makeCertificate } from '../../test/fakepve/certificate.ts';

const PIECE = 64 * 1024 * 1024;
const UPID = 'UPID:pve1:0000A1B2:00C3D4E5:66F7A8B9:imgcopy::operator@pve!k8s:';

/** Half of it cannot be compressed, as in an image with a system on it. */
const piece = Buffer.alloc(PIECE);
randomFillSync(piece, 0, PIECE / 2);
const qcow2 = Buffer.from(piece);
qcow2.write('QFI\xfb', 'latin1');

const compressed = (program: string, ...args: readonly string[]): Buffer =>
  spawnSync(program, ['-c', ...args], { input: piece, maxBuffer: 2 * PIECE }).stdout;

/** Each format may be a sequence of files. */
const FILES: Readonly<Record<string, () => Buffer>> = {
  '/a.raw': () => piece,
  '/a.qcow2': () => qcow2,
  '/a.raw.gz': () => compressed('gzip', '-1'),
  '/a.raw.zst': () => compressed('zstd', '-1'),
  '/a.raw.xz': () => compressed('xz', '-0', '-T2'),
};

const made = new Map<string, Buffer>();

async function send(url: string, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const content = made.get(pathname) ?? FILES[pathname]?.();
  if (!content) throw new Error(`There is no ${pathname}.`);
  made.set(pathname, content);
  const times = Number(searchParams.get('pieces'));
  response.writeHead(200, { 'content-length': content.length * times });
  // A client that goes away is no failure.
  await pipeline(Readable.from(Array.from({ length: times }, () => content)), response).catch(
    () => undefined,
  );
}

const source = createServer((request, response) => void send(request.url ?? '', response));
const { key, cert } = makeCertificate();
const sink = createTlsServer({ key, cert }, (request, response) => {
  request.resume().on('end', () => response.end(JSON.stringify({ data: UPID })));
});
source.listen(0, '127.0.0.1');
sink.listen(0, '127.0.0.1');
await Promise.all([once(source, 'listening'), once(sink, 'listening')]);
const portOf = (server: { address: () => unknown }): number => (server.address() as AddressInfo).port;
process.send?.({ source: portOf(source), sink: portOf(sink), ca: cert });
