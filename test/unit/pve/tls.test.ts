import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generate } from 'selfsigned';
import { createTransport, normaliseFingerprint, pve, type Tls } from '../../../src/pve/index.ts';
import { data, rawServer, TOKEN, type Keys, type RawServer } from './raw-server.ts';

let server: RawServer;
let certificate: string;
let keys: Keys;

beforeAll(async () => {
  const made = await generate([{ name: 'commonName', value: 'pve1' }], {
    keySize: 2048,
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  });
  certificate = made.cert;
  keys = { key: made.private, cert: made.cert };
  server = await rawServer(keys);
  server.replies(data({ version: '9.2.11', release: '9.2' }));
});

afterAll(() => server.close());

const version = async (tls: Tls, endpoint = server.url) => {
  const transport = createTransport({ endpoint, credentials: TOKEN, tls, sleep: () => Promise.resolve() });
  try {
    return await pve(transport.send).version();
  } finally {
    await transport.close();
  }
};

describe('a server whose certificate no public authority signed', () => {
  test('is not talked to, and the message says what to give', async () => {
    const before = server.received.length;
    await expect(version({})).rejects.toMatchObject({
      refusal: 'unavailable',
      message: expect.stringContaining('add its CA'),
    });
    expect(server.received).toHaveLength(before);
  });

  test('is trusted with its CA', async () => {
    await expect(version({ ca: certificate })).resolves.toEqual({
      version: '9.2.11',
      release: '9.2',
      major: 9,
    });
  });

  test('is trusted where that is asked for', async () => {
    await expect(version({ insecureSkipVerify: true })).resolves.toMatchObject({ major: 9 });
  });

  test('is not trusted under another name than the certificate has', async () => {
    await expect(
      version({ ca: certificate }, server.url.replace('127.0.0.1', 'localhost')),
    ).rejects.toMatchObject({
      refusal: 'unavailable',
      message: expect.stringContaining('is not in its certificate'),
    });
  });
});

describe('a fingerprint', () => {
  const right = () => new X509Certificate(certificate).fingerprint256;
  const wrong = 'AB:'.repeat(31) + 'AB';

  test.each([
    ['with colons', () => right()],
    ['in small letters', () => right().toLowerCase()],
    ['as plain hex', () => right().replaceAll(':', '')],
  ])('%s is enough to trust the server, whatever its name', async (_how, fingerprint) => {
    const endpoint = server.url.replace('127.0.0.1', 'localhost');
    await expect(version({ fingerprints: [wrong, fingerprint()] }, endpoint)).resolves.toMatchObject({
      major: 9,
    });
  });

  test('that differs ends the connection before anything is sent, and what was found is told', async () => {
    const before = server.received.length;
    await expect(version({ fingerprints: [wrong] })).rejects.toMatchObject({
      refusal: 'unavailable',
      message: expect.stringMatching(new RegExp(`${right()}.*openssl x509 .*pve-ssl.pem`, 's')),
    });
    expect(server.received).toHaveLength(before);
  });

  test.each([
    ['the right CA', () => ({ ca: certificate })],
    ['no check at all', () => ({ insecureSkipVerify: true })],
  ])('that differs weighs more than %s', async (_what, tls) => {
    await expect(version({ ...tls(), fingerprints: [wrong] })).rejects.toMatchObject({
      refusal: 'unavailable',
    });
  });

  test('is compared on every connection', async () => {
    const transport = createTransport({
      endpoint: server.url,
      credentials: TOKEN,
      tls: { fingerprints: [right()] },
      sleep: () => Promise.resolve(),
    });
    const another = await generate([{ name: 'commonName', value: 'pve1' }], { keySize: 2048 });
    const { port } = server;
    await pve(transport.send).version();
    await server.close();
    const impostor = await rawServer({ key: another.private, cert: another.cert }, port);
    await expect(pve(transport.send).version()).rejects.toMatchObject({ code: 'ERR_TLS_FINGERPRINT' });
    expect(impostor.received).toEqual([]);
    await impostor.close();
    server = await rawServer(keys, port);
    server.replies(data({ version: '9.2.11', release: '9.2' }));
    await expect(pve(transport.send).version()).resolves.toMatchObject({ major: 9 });
    await transport.close();
  });

  test.each(['', 'AB:CD', 'G'.repeat(64), 'AB'.repeat(20), `${'AB:'.repeat(31)}A`])(
    'is not what %p is',
    (text) => {
      expect(normaliseFingerprint(text)).toBeUndefined();
    },
  );
});

test('an endpoint that does not speak TLS is told as such', async () => {
  const plain = await rawServer();
  await expect(version({}, plain.url.replace('http:', 'https:'))).rejects.toMatchObject({
    refusal: 'unavailable',
    message: expect.stringContaining('does not use TLS'),
  });
  await plain.close();
});
