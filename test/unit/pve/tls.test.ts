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
  ])('%s is enough to trust the server, under any name', async (_how, fingerprint) => {
    const endpoint = server.url.replace('127.0.0.1', 'localhost');
    await expect(version({ fingerprints: [wrong, fingerprint()] }, endpoint)).resolves.toMatchObject({
      major: 9,
    });
  });

  test('that differs ends the connection before anything is sent, and what was found is reported', async () => {
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

describe('the certificate that a server shows', () => {
  const shown = async (tls: Tls) => {
    const transport = createTransport({ endpoint: server.url, credentials: TOKEN, tls });
    try {
      expect(transport.certificate).toBeUndefined();
      await pve(transport.send).version();
      return transport.certificate;
    } finally {
      await transport.close();
    }
  };

  test('is reported with the given authority that vouches for it', async () => {
    const leaf = new X509Certificate(certificate).fingerprint256;
    await expect(shown({ ca: certificate })).resolves.toEqual({ leaf, privateRoot: leaf });
    const ca = await generate([{ name: 'commonName', value: 'a CA' }], {
      keySize: 2048,
      extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
    });
    const node = await generate([{ name: 'commonName', value: 'pve2' }], {
      keySize: 2048,
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
      ca: { key: ca.private, cert: ca.cert },
    });
    const other = await rawServer({ key: node.private, cert: node.cert });
    other.replies(data({ version: '9.2.11', release: '9.2' }));
    const transport = createTransport({
      endpoint: other.url,
      credentials: TOKEN,
      tls: { ca: `${certificate}\n${ca.cert}` },
    });
    await pve(transport.send).version();
    expect(transport.certificate).toEqual({
      leaf: new X509Certificate(node.cert).fingerprint256,
      privateRoot: new X509Certificate(ca.cert).fingerprint256,
    });
    await transport.close();
    await other.close();
  });

  test('is reported without one where no authority was asked', async () => {
    const leaf = new X509Certificate(certificate).fingerprint256;
    for (const tls of [{ insecureSkipVerify: true }, { fingerprints: [leaf], ca: certificate }])
      await expect(shown(tls)).resolves.toEqual({ leaf, privateRoot: undefined });
  });

  test('is the newest after it was renewed', async () => {
    const transport = createTransport({
      endpoint: server.url,
      credentials: TOKEN,
      tls: { insecureSkipVerify: true },
    });
    await pve(transport.send).version();
    const { port } = server;
    await server.close();
    const next = await generate([{ name: 'commonName', value: 'pve1' }], { keySize: 2048 });
    server = await rawServer({ key: next.private, cert: next.cert }, port);
    server.replies(data({ version: '9.2.11', release: '9.2' }));
    await pve(transport.send).version();
    expect(transport.certificate?.leaf).toBe(new X509Certificate(next.cert).fingerprint256);
    await transport.close();
    await server.close();
    server = await rawServer(keys, port);
    server.replies(data({ version: '9.2.11', release: '9.2' }));
  });
});

test('an endpoint that does not speak TLS is reported as such', async () => {
  const plain = await rawServer();
  await expect(version({}, plain.url.replace('http:', 'https:'))).rejects.toMatchObject({
    refusal: 'unavailable',
    message: expect.stringContaining('does not use TLS'),
  });
  await plain.close();
});
