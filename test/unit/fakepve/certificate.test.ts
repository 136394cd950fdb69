import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:tls';
import { afterEach, expect, test } from '@jest/globals';
import { makeCertificate, type ServerCertificate } from '../../fakepve/certificate.ts';

const servers: { close: () => void }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** How a client that trusts `ca` alone gets on with the server. */
async function shakeHands({ key, cert }: ServerCertificate, ca: string): Promise<string> {
  const server = createServer({ key, cert }, (socket) => socket.end()).listen(0, '127.0.0.1');
  server.on('tlsClientError', () => undefined);
  servers.push(server);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const socket = connect({ host: '127.0.0.1', port, ca });
  try {
    await once(socket, 'secureConnect');
    return 'trusted';
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    socket.destroy();
  }
}

test('the certificate names every address, is its own CA and fits its key', () => {
  const { key, cert, fingerprint } = makeCertificate(['pve.example.com', '192.0.2.7', '2001:db8::7']);
  const read = new X509Certificate(cert);
  for (const name of ['localhost', 'pve.example.com']) expect(read.checkHost(name)).toBe(name);
  for (const ip of ['127.0.0.1', '::1', '192.0.2.7', '2001:db8::7']) expect(read.checkIP(ip)).toBeDefined();
  expect(read.checkHost('other.example.com')).toBeUndefined();
  expect(read.ca).toBe(true);
  expect(read.verify(read.publicKey)).toBe(true);
  expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect(read.fingerprint256).toBe(fingerprint);
  expect(read.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(Date.parse(read.validFrom)).toBeLessThan(Date.now());
  expect(Date.parse(read.validTo)).toBeGreaterThan(Date.now() + 300 * 24 * 3600 * 1000);
});

test('a client trusts the server with it, and no other', async () => {
  const [one, other] = [makeCertificate(), makeCertificate()];
  expect(await shakeHands(one, one.cert)).toBe('trusted');
  expect(await shakeHands(one, other.cert)).not.toBe('trusted');
});
