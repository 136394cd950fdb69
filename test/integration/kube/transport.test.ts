import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { seconds } from '../../../src/lib/units.ts';
import type { Connection } from '../../../src/kube/connection.ts';
import { connect } from '../../../src/kube/kubeconfig.ts';
import { transport, type Transport } from '../../../src/kube/transport.ts';
import { systemClock } from '../../../src/runtime/clock.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let folder: string;
let connection: Connection;
let api: Transport;
let requests: IncomingMessage[];
let answers: Answer[];

async function kubeconfig(user: object, cluster: object = {}): Promise<string> {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const file = join(folder, 'config');
  const config = {
    clusters: [
      {
        name: 'c',
        cluster: { server: `http://127.0.0.1:${port}/`, 'insecure-skip-tls-verify': true, ...cluster },
      },
    ],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'here' } }],
    'current-context': 'x',
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

beforeEach(async () => {
  requests = [];
  answers = [];
  server = createServer((request, response) => {
    requests.push(request);
    const answer = answers.shift() ?? ((_request, ok) => ok.end('{"ok":true}'));
    request.resume().on('end', () => answer(request, response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
  connection = connect({ file: await kubeconfig({ token: 's3cret' }) });
  api = transport(connection, systemClock);
});
afterEach(async () => {
  await connection.close();
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

const refuse =
  (status: number, body: string, headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response.writeHead(status, headers).end(body);
  };
const breakOff: Answer = ({ socket }) => socket.destroy();
const get = { method: 'GET', path: '/apis/x' } as const;

describe('a request', () => {
  test('is signed, and says who asks', async () => {
    expect(await api.send(get)).toEqual({ ok: true });
    expect(requests[0]!.headers).toMatchObject({
      authorization: 'Bearer s3cret',
      'user-agent': 'virtrigaud-proxmox',
    });
    expect(connection.namespace).toBe('here');
  });

  test('that is refused fails in the API’s own words', async () => {
    answers = [
      refuse(409, JSON.stringify({ kind: 'Status', reason: 'AlreadyExists', message: 'it is there' })),
    ];
    await expect(api.send({ ...get, method: 'POST', body: {} })).rejects.toMatchObject({
      status: 409,
      reason: 'AlreadyExists',
      message: 'it is there',
    });
  });

  test('that is refused by something in between still has its status, and how long to wait', async () => {
    answers = [refuse(429, '<html>', { 'retry-after': '7' })];
    await expect(api.send(get)).rejects.toMatchObject({ status: 429, retryAfterSeconds: 7 });
  });

  test('to read is sent again once when the connection breaks, to write never', async () => {
    answers = [breakOff];
    expect(await api.send(get)).toEqual({ ok: true });
    answers = [breakOff, breakOff];
    await expect(api.send(get)).rejects.toMatchObject({ status: 0, reason: 'Unreachable' });
    requests = [];
    answers = [breakOff];
    await expect(api.send({ ...get, method: 'PATCH', body: [] })).rejects.toMatchObject({
      reason: 'Unreachable',
    });
    expect(requests).toHaveLength(1);
  });

  test('that is not answered times out', async () => {
    answers = [() => undefined];
    await expect(api.send({ ...get, limit: seconds(0.05) })).rejects.toMatchObject({ reason: 'Unreachable' });
  });

  test('for the Lease is sent, however many others wait for their answers', async () => {
    answers = Array.from({ length: 200 }, () => () => undefined);
    const others = Array.from({ length: 200 }, () => api.send(get).catch(() => undefined));
    while (requests.length < 64) await sleep(5);
    answers = [];
    expect(await transport(connection, systemClock, 'lease').send(get)).toEqual({ ok: true });
    await connection.close();
    await Promise.all(others);
  });

  test('ends with the caller’s signal', async () => {
    const calling = new AbortController();
    answers = [() => calling.abort(new Error('enough'))];
    await expect(api.send({ ...get, signal: calling.signal })).rejects.toThrow('enough');
  });
});

describe('a stream', () => {
  test('gives line by line, wherever the chunks are cut', async () => {
    const bytes = Buffer.from('{"a":"ü"}\n{"b":1}\n');
    answers = [
      (_request, response) => {
        response.write(bytes.subarray(0, 7)); // inside of the ü
        setImmediate(() => response.end(bytes.subarray(7)));
      },
    ];
    const lines: string[] = [];
    for await (const line of await api.lines(get)) lines.push(line);
    expect(lines).toEqual(['{"a":"ü"}', '{"b":1}']);
  });

  test('that breaks off fails, after what came before', async () => {
    answers = [
      ({ socket }, response) => {
        response.write('{"a":1}\n');
        setTimeout(() => socket.destroy(), 20);
      },
    ];
    const lines: string[] = [];
    const read = async () => {
      for await (const line of await api.lines(get)) lines.push(line);
    };
    await expect(read()).rejects.toMatchObject({ reason: 'Unreachable' });
    expect(lines).toEqual(['{"a":1}']);
  });

  test('that is refused fails with the refusal', async () => {
    answers = [refuse(410, JSON.stringify({ reason: 'Expired', message: 'too old' }))];
    await expect(api.lines(get)).rejects.toMatchObject({ status: 410, reason: 'Expired' });
  });
});

describe('the configuration', () => {
  test('takes up a new certificate authority, and keeps its connections while there is none', async () => {
    const authority = join(folder, 'ca.crt');
    await writeFile(authority, 'one');
    const other = connect({ file: await kubeconfig({ token: 't' }, { 'certificate-authority': authority }) });
    const first = (await other.sign()).dispatcher;
    expect((await other.sign()).dispatcher).toBe(first);
    await writeFile(authority, 'two');
    expect((await other.sign()).dispatcher).not.toBe(first);
    await other.close();
  });

  test('of a user with a password becomes basic authentication', async () => {
    const other = connect({ file: await kubeconfig({ username: 'ann', password: 'pw' }) });
    expect((await other.sign()).headers['Authorization']).toBe(`Basic ${btoa('ann:pw')}`);
    await other.close();
  });

  test('that cannot be used is refused with what to do', async () => {
    const file = await kubeconfig({});
    expect(() => connect({ file: join(folder, 'absent') })).toThrow('could not be read');
    expect(() => connect({ file, context: 'absent' })).toThrow('context "absent" does not exist');
  });
});
