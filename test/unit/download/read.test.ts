import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, jest, test } from '@jest/globals';
import { measure, readImage, type ReadOptions, type ReadProgress } from '../../../src/download/index.ts';
import { diskImage } from '../../builders/disk-image.ts';
import { resolveTest, startFileServer, type FileServer } from '../../builders/file-server.ts';
import { XZ } from '../../fixtures/compressed-disks.ts';

// Starting a thread takes a tenth of a second, and much longer on a busy machine.
jest.setTimeout(60_000);

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const checksumOf = (bytes: Buffer) => ({ algorithm: 'sha256', digits: sha256(bytes) });
const measured = { bytes: diskImage.length, sha256: sha256(diskImage) };

const from = (url: string, more: Partial<ReadOptions> = {}): ReadOptions => ({
  source: { url },
  format: 'qcow2',
  maxBytes: 1 << 30,
  signal: new AbortController().signal,
  resolve: resolveTest,
  ...more,
});

/** A server with one file. */
const serve = (file: Buffer, options?: Parameters<typeof startFileServer>[1]): Promise<FileServer> =>
  startFileServer((_request, response) => void response.end(file), options);

async function givenBy(options: ReadOptions): Promise<{ bytes: number; error: unknown }> {
  let bytes = 0;
  try {
    for await (const piece of readImage(options)) bytes += piece.length;
    return { bytes, error: undefined };
  } catch (error) {
    return { bytes, error };
  }
}

describe('an image is measured as what it is decompressed to, and verified as what the server has', () => {
  test.each([
    ['a.qcow2', diskImage],
    ['a.img', diskImage],
    ['a.qcow2.gz', gzipSync(diskImage)],
    ['a.img.xz', XZ],
  ])('%s', async (name, file) => {
    await using server = await serve(file);
    const progress: ReadProgress[] = [];
    const checksum = checksumOf(file);
    const onProgress = (each: ReadProgress): void => void progress.push(each);
    await expect(
      measure(readImage(from(`${server.origin}/${name}`, { checksum, onProgress }))),
    ).resolves.toEqual(measured);
    expect(progress.at(-1)).toEqual({ bytes: file.length, total: file.length });
  });
});

test('with another checksum it is refused, with both, and its last piece is not given', async () => {
  await using server = await serve(diskImage);
  const checksum = { algorithm: 'sha256', digits: '0'.repeat(64) };
  const { bytes, error } = await givenBy(from(`${server.origin}/a.img`, { checksum }));
  expect(error).toMatchObject({ reason: 'ChecksumMismatch' });
  expect(String(error)).toContain(`${sha256(diskImage)}, and spec.download.checksum says ${'0'.repeat(64)}`);
  expect(bytes).toBeLessThan(diskImage.length);
});

test('if it is another one than in the first pass, its last piece is not given', async () => {
  await using server = await serve(diskImage);
  const expected = { ...measured, sha256: '0'.repeat(64) };
  const { bytes, error } = await givenBy(from(`${server.origin}/a.img`, { expected }));
  expect(error).toMatchObject({ reason: 'DownloadFailed' });
  expect(bytes).toBeLessThan(diskImage.length);
});

test.each([
  ['as it is', diskImage],
  ['decompressed', gzipSync(diskImage)],
])('it may not be larger than it may be, %s', async (_how, file) => {
  await using server = await serve(file);
  const { error } = await givenBy(from(`${server.origin}/a.img`, { maxBytes: 100_000 }));
  expect(error).toMatchObject({ reason: 'DownloadRefused' });
  expect(String(error)).toContain('more than 100000 bytes');
});

test.each([
  ['a.img', '<!DOCTYPE html><html>', /web page/],
  ['a.img.xz', '<!DOCTYPE html><html>', /web page/],
  ['a.img.xz', 'QFI\xfb', /not compressed as the ending/],
  ['a.img', 'MBR', /is a raw image.*format to raw/],
  ['a.img', 'KDMV', /is a vmdk image/],
  ['a.img', 'PK\x03\x04', /archive/],
  ['a.img', 'vhdxfile', /VHDX.*qemu-img convert/],
  ['a.img', '', /empty|raw/],
])('%s that begins with %j is refused with what it is', async (name, text, message) => {
  await using server = await serve(Buffer.from(text, 'latin1'));
  const { bytes, error } = await givenBy(from(`${server.origin}/${name}`));
  expect(error).toMatchObject({ reason: 'DownloadRefused' });
  expect(String(error)).toMatch(message);
  expect(bytes).toBe(0);
});

test('an ISO image is no disk image', async () => {
  const iso = Buffer.alloc(40_000);
  iso.write('CD001', 32_769);
  await using server = await serve(iso);
  const { error } = await givenBy(from(`${server.origin}/a.img`, { format: 'raw' }));
  expect(String(error)).toContain('ISO image');
});

test('what is compressed and damaged is refused', async () => {
  await using server = await serve(XZ.subarray(0, -20));
  const { error } = await givenBy(from(`${server.origin}/a.img.xz`));
  expect(String(error)).toContain('cannot be decompressed');
});

describe('a server that fails', () => {
  test.each([
    [404, 'DownloadRefused', /404.*Correct spec.download.url/],
    [403, 'DownloadRefused', /403.*headersSecretRef/],
    [503, 'DownloadFailed', /503/],
    [206, 'DownloadRefused', /206/],
  ])('with %d', async (status, reason, message) => {
    await using server = await startFileServer((_request, response) => {
      response.writeHead(status).end('a page of secrets');
    });
    const { error } = await givenBy(from(`${server.origin}/a.img?token=secret`));
    expect(error).toMatchObject({ reason });
    expect(String(error)).toMatch(message);
    expect(String(error)).not.toContain('secret');
  });

  test('by closing the connection early, whether it said how much there is or not', async () => {
    for (const headers of [{ 'content-length': String(diskImage.length) }, {}]) {
      await using server = await startFileServer((_request, response) => {
        response.writeHead(200, headers);
        response.write(diskImage.subarray(0, 100_000), () => response.destroy());
      });
      const { bytes, error } = await givenBy(from(`${server.origin}/a.img`));
      expect(error).toMatchObject({ reason: 'DownloadFailed' });
      expect(bytes).toBeLessThan(diskImage.length);
    }
  });

  test('by falling silent', async () => {
    await using server = await startFileServer((_request, response) => {
      response.write(diskImage.subarray(0, 100_000));
    });
    const { error } = await givenBy(from(`${server.origin}/a.img`, { stallMs: 200 }));
    expect(error).toMatchObject({ reason: 'DownloadFailed' });
    expect(String(error)).toContain('does not answer');
  });

  test('with a certificate of an authority that nobody knows', async () => {
    await using server = await serve(diskImage, { tls: true });
    const { error } = await givenBy(from(`${server.origin}/a.img`));
    expect(String(error)).toMatch(/not trusted.*spec.download.caBundle/);
  });
});

test('a private CA and headers are used, and the headers stay at their origin', async () => {
  await using elsewhere = await serve(diskImage, { name: 'elsewhere.test' });
  await using server = await startFileServer(
    ({ url = '' }, response) => {
      const location = url === '/first' ? '/second' : url === '/third' ? `${elsewhere.origin}/a` : '/third';
      response.writeHead(302, { location }).end();
    },
    { name: 'images.test' },
  );
  const source = { url: `${server.origin}/first`, headers: { 'X-Key': 'secret' } };
  await expect(measure(readImage(from('', { source })))).resolves.toEqual(measured);
  expect(server.requests.map(({ url, headers }) => [url, headers['x-key']])).toEqual([
    ['/first', 'secret'],
    ['/second', 'secret'],
    ['/third', 'secret'],
  ]);
  expect(elsewhere.requests[0]?.headers).not.toHaveProperty('x-key');

  await using secure = await serve(diskImage, { tls: true });
  const url = `${secure.origin}/a.img`;
  await expect(measure(readImage(from('', { source: { url, ca: secure.ca } })))).resolves.toEqual(measured);
});

describe('a redirect is refused', () => {
  test.each([
    ['to this machine', 'http://127.0.0.1:1/a.img', /nothing is downloaded/],
    ['to a metadata service', 'http://169.254.169.254/latest/', /nothing is downloaded/],
    ['to an address in disguise', 'http://0x7f.1/a.img', /nothing is downloaded/],
    ['to this machine in IPv6', 'http://[::ffff:127.0.0.1]/a.img', /nothing is downloaded/],
    ['to a file', 'file:///etc/passwd', /no http or https URL/],
    ['with a user name', 'http://user:secret@images.test/', /without a user name/],
    ['without end', '/again', /more than 5 times/],
    ['to nowhere', '', /no http or https URL|more than 5/],
  ])('%s', async (_where, location, message) => {
    await using server = await startFileServer((_request, response) => {
      response.writeHead(302, { location }).end();
    });
    const { error } = await givenBy(from(`${server.origin}/a.img`));
    expect(error).toMatchObject({ reason: 'DownloadRefused' });
    expect(String(error)).toMatch(message);
    expect(String(error)).not.toContain('secret');
  });

  test('from https to http', async () => {
    await using plain = await serve(diskImage);
    await using server = await startFileServer(
      (_request, response) => void response.writeHead(302, { location: `${plain.origin}/a.img` }).end(),
      { tls: true },
    );
    const source = { url: `${server.origin}/a.img`, ca: server.ca };
    const { error } = await givenBy(from('', { source }));
    expect(String(error)).toContain('from https to http');
  });
});

test('it ends with the reason of the signal', async () => {
  await using server = await startFileServer((_request, response) => {
    response.write(diskImage.subarray(0, 100_000));
  });
  const stop = new AbortController();
  const reading = givenBy(
    from(`${server.origin}/a.img`, {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('No longer wanted.')),
    }),
  );
  expect(String((await reading).error)).toContain('No longer wanted.');
});
