import { describe, expect, test } from '@jest/globals';
import { nodeName } from '../../../src/lib/units.ts';
import { createServer, type AddressInfo } from 'node:net';
import { answer, data, TOKEN, withServer } from './raw-server.ts';
import { createTransport, pve, type Transport } from '../../../src/pve/index.ts';

const UPID = 'UPID:pve1:0000A1B2:00C3D4E5:66F7A8B9:imgcopy::operator@pve!k8s:';
const CONTENT = 'The quick brown fox';

async function* piecesOf(text: string): AsyncGenerator<Buffer, void> {
  for (const word of text.split(/(?<= )/)) yield Promise.resolve(Buffer.from(word));
}

const upload = (
  { send }: Pick<Transport, 'send'>,
  pieces: () => AsyncIterable<Uint8Array> = () => piecesOf(CONTENT),
): Promise<string> =>
  pve(send)
    .node(nodeName('pve1'))
    .storage('local')
    .uploadImage({ filename: 'a.qcow2', sha256: 'ab12', file: { bytes: CONTENT.length, pieces } });

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => Promise.reject(new Error('It succeeded.')),
    (error: unknown) => error,
  );

describe('a file that is streamed', () => {
  test('has its length in advance, and comes after all fields', () =>
    withServer(async ({ server, transport }) => {
      server.replies(data(UPID));
      await expect(upload(transport)).resolves.toBe(UPID);
      const [{ headers, body } = { headers: {}, body: '' }] = server.received;
      expect(headers['content-length']).toBe(String(body.length));
      expect(headers).not.toHaveProperty('transfer-encoding');
      const [, boundary = ''] = /boundary=(.*)$/.exec(headers['content-type'] ?? '') ?? [];
      const parts = body.split(`--${boundary}`).map((part) => part.trim());
      expect(parts).toEqual([
        '',
        'Content-Disposition: form-data; name="content"\r\n\r\nimport',
        'Content-Disposition: form-data; name="checksum-algorithm"\r\n\r\nsha256',
        'Content-Disposition: form-data; name="checksum"\r\n\r\nab12',
        `Content-Disposition: form-data; name="filename"; filename="a.qcow2"\r\nContent-Type: application/octet-stream\r\n\r\n${CONTENT}`,
        '--',
      ]);
    }));

  test('that fails on its way ends the request, which is never complete', async () => {
    let received = '';
    const server = createServer((socket) => {
      socket.on('data', (chunk) => (received += chunk.toString('latin1')));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const transport = createTransport({ endpoint: `http://127.0.0.1:${port}`, credentials: TOKEN });
    async function* broken(): AsyncGenerator<Buffer, void> {
      yield* piecesOf('The quick ');
      throw new Error('The source broke.');
    }
    await expect(failure(upload(transport, broken))).resolves.toMatchObject({ refusal: 'unknownOutcome' });
    await transport.close();
    await new Promise((resolve) => server.close(resolve));
    expect(received).toContain('The quick ');
    expect(received).not.toMatch(/--\r\n$/);
  });

  test('is opened once more if the login has expired', () =>
    withServer(
      async ({ server, transport }) => {
        const ticket = data({ ticket: 'PVE:x', CSRFPreventionToken: 'csrf', username: 'a@pve' });
        server.replies(ticket, answer(401, 'permission denied - invalid ticket'), ticket, data(UPID));
        let opened = 0;
        const pieces = (): AsyncIterable<Buffer> => {
          opened += 1;
          return piecesOf(CONTENT);
        };
        await expect(upload(transport, pieces)).resolves.toBe(UPID);
        expect(opened).toBe(2);
        expect(server.received.at(-1)?.body).toContain(CONTENT);
      },
      { credentials: { kind: 'password', username: 'a@pve', password: 'secret-4711' } },
    ));

  test('ends early if it is refused, and closes what it reads', () =>
    withServer(async ({ server, transport }) => {
      server.replies(answer(403, 'Permission check failed (/storage/local, Datastore.AllocateTemplate)'));
      let isClosed = false;
      async function* pieces(): AsyncGenerator<Buffer, void> {
        try {
          yield* piecesOf(CONTENT);
        } finally {
          isClosed = true;
        }
      }
      await expect(failure(upload(transport, pieces))).resolves.toMatchObject({ refusal: 'forbidden' });
      expect(isClosed).toBe(true);
    }));

  test('is not sent to a version that does not import files', () =>
    withServer(
      async ({ server, transport }) => {
        await expect(failure(upload(transport))).resolves.toMatchObject({
          message: expect.stringContaining('8.4'),
        });
        expect(server.received).toEqual([]);
      },
      { versionOf: () => '8.3' },
    ));
});
