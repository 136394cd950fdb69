/** What a server may send instead of an answer. Every attack ends in an answer or a typed error, and the next call works. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { MiB, millis, nodeName, vmid } from '../../../src/lib/units.ts';
import { createTransport, PveError, type Transport } from '../../../src/pve/index.ts';
import { ACCESS, LOGIN } from '../../../src/pve/access.ts';
import { AGENT } from '../../../src/pve/agent.ts';
import { budgetOf } from '../../../src/pve/budgets.ts';
import { CLUSTER } from '../../../src/pve/cluster.ts';
import { QEMU } from '../../../src/pve/qemu-endpoints.ts';
import { TASKS } from '../../../src/pve/tasks.ts';
import {
  endless,
  endlessBody,
  hostileServer,
  http,
  raw,
  slowly,
  type Attack,
  type HostileServer,
} from './hostile-server.ts';
import { TOKEN } from './raw-server.ts';

// Some answers have the largest size that is read.
jest.setTimeout(30_000);

let server: HostileServer;
let transport: Transport;
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown): void => void unhandled.push(reason);

beforeAll(async () => {
  process.on('unhandledRejection', onUnhandled);
  server = await hostileServer();
  transport = createTransport({
    endpoint: server.url,
    credentials: TOKEN,
    sleep: () => Promise.resolve(),
  });
});

afterAll(async () => {
  await transport.close(millis(0));
  await server.close();
  process.off('unhandledRejection', onUnhandled);
  expect(unhandled).toEqual([]);
});

const guest = { node: nodeName('pve1'), vmid: vmid(100) };
const UPID = 'UPID:pve1:0003A1B2:01C2D3E4:65F00000:qmconfig:100:operator@pve!k8s:';

/** One endpoint of each form of answer. */
const calls = (deadline = millis(20_000)) => ({
  list: () => transport.send(CLUSTER.resources, {}, { deadline }),
  tasks: () => transport.send(CLUSTER.tasks, {}, { deadline }),
  status: () => transport.send(CLUSTER.status, {}, { deadline }),
  members: () => transport.send(ACCESS.permissions, {}, { deadline }),
  object: () => transport.send(QEMU.config, guest, { deadline }),
  current: () => transport.send(QEMU.status, guest, { deadline }),
  preconditions: () => transport.send(QEMU.migrationPreconditions, guest, { deadline }),
  agent: () => transport.send(AGENT.networkInterfaces, guest, { deadline }),
  process: () => transport.send(AGENT.execStatus, { ...guest, pid: 1 }, { deadline }),
  taskLog: () => transport.send(TASKS.log, { ...guest, upid: UPID, limit: 0 }, { deadline }),
  login: () => transport.send(LOGIN, { username: 'a@pve', password: 'secret' }, { deadline }),
  change: () => transport.send(QEMU.start, guest, { deadline }),
});
type Name = keyof ReturnType<typeof calls>;

async function outcome(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof PveError) return error;
    throw error;
  }
}

/** What comes of a call that is attacked. Whatever it is, the next call gets its answer. */
async function attacked(attack: Attack, name: Name, deadline?: number): Promise<unknown> {
  server.attackWith(attack);
  try {
    const result = await outcome(calls(deadline === undefined ? undefined : millis(deadline))[name]);
    if (result instanceof PveError) expect(result.message).toMatch(/^[\P{C}]{1,2500}$/u);
    return result;
  } finally {
    server.attackWith(undefined);
    await expect(calls().list()).resolves.toEqual([]);
  }
}

const data = (json: string): Attack => http(`{"data":${json}}`);
const list = (row: string, count: number): string =>
  `[${Array.from({ length: count }, () => row).join(',')}]`;
const BAD_HEADER = 'X-Padding: ' + 'x'.repeat(1000);

describe('an answer that does not end', () => {
  test.each<[string, Attack]>([
    ['has rows for ever', endlessBody('{"data":[{}', ',{}')],
    ['has one string for ever', endlessBody('{"data":[{"type":"', 'x')],
    ['nests for ever', endlessBody('{"data":', '[')],
    ['is space for ever', endlessBody(' ', ' ')],
  ])('is cut where its budget ends: it %s', async (_name, attack) => {
    await expect(attacked(attack, 'object')).resolves.toMatchObject({ refusal: 'excessive' });
    // What the sockets hold comes on top.
    expect(server.sent()).toBeLessThan(budgetOf(QEMU.config).bytes + 16 * MiB);
  });

  test('is not received where it says how long it is', async () => {
    const attack = raw(`HTTP/1.1 200 OK\r\nContent-Length: ${1024 * MiB}\r\n\r\n{"data":`);
    await expect(attacked(attack, 'object')).resolves.toMatchObject({ refusal: 'excessive' });
  });

  test('after a change leaves open what came of it', async () => {
    await expect(attacked(endlessBody('{"data":"', 'x'), 'change')).resolves.toMatchObject({
      refusal: 'unknownOutcome',
    });
  });

  test('and reports a failure counts as that failure', async () => {
    const body = `{"message":"VM is locked (backup)"}`;
    const attack = endless(`HTTP/1.1 500 VM is locked (backup)\r\n\r\n${body}`, ' ');
    await expect(attacked(attack, 'object')).resolves.toMatchObject({ refusal: 'locked' });
  });

  test.each<[string, Attack]>([
    ['without a word', () => undefined],
    ['with headers for ever', endless('HTTP/1.1 200 OK\r\n', `${BAD_HEADER}\r\n`)],
    ['with one header for ever', endless('HTTP/1.1 200 OK\r\nX-Padding: ', 'x')],
    ['with a status line for ever', endless('HTTP/1.1 200 ', 'x')],
    ['with interim answers for ever', endless('', 'HTTP/1.1 103 Early Hints\r\n\r\n')],
    [
      'with an extension of a chunk for ever',
      endless('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;', 'x'),
    ],
    [
      'with trailers for ever',
      endless('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n', `${BAD_HEADER}\r\n`),
    ],
    [
      'with headers byte by byte',
      slowly('HTTP/1.1 200 OK\r\nX-A: b\r\nX-C: d\r\nX-E: f\r\nX-G: hhhhhhhhhhhhhhhhhhhhhhhhhhhhhh'),
    ],
    [
      'with a body byte by byte',
      slowly('HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n{"data":[1,2,3,4,5,6,7,8,9,10,11,12'),
    ],
  ])('ends at the deadline or before: it goes on %s', async (_name, attack) => {
    const result = await attacked(attack, 'list', 300);
    expect(result).toMatchObject({
      refusal: 'unavailable',
      code: expect.stringMatching(/^(timeout|onlyInterim|UND_|HPE_|ECONNRESET|EPIPE)/),
    });
  });
});

describe('an answer of another form', () => {
  const GZIP_BOMB = gzipSync(Buffer.alloc(32 * MiB));
  test.each<[string, Attack]>([
    ['truncated in its body', raw('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"data":[')],
    ['truncated in a chunk', raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"data":[')],
    ['truncated in its headers', raw('HTTP/1.1 200 OK\r\nContent-Le')],
    ['truncated in its JSON', http('{"data":[{"type":"qemu"')],
    ['empty', http('')],
    ['no HTTP', raw('SSH-2.0-OpenSSH_9.2p1\r\n')],
    ['the beginning of TLS', raw(Buffer.from([0x15, 3, 1, 0, 2, 2, 0x28]))],
    ['an upgrade', raw('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n')],
    [
      'with an invalid chunk size',
      raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n'),
    ],
    [
      'with a chunk size beyond numbers',
      raw(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'F'.repeat(32)}\r\n`),
    ],
    ['with two lengths', raw('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 5\r\n\r\n{"data":[]}')],
    ['with a negative length', raw('HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}')],
    [
      'with chunks and a length',
      raw('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n0\r\n\r\n'),
    ],
    ['with a huge header', http('{"data":[]}', [`X-Padding: ${'x'.repeat(MiB)}`])],
    ['compressed, and a thousand times as large', http(GZIP_BOMB, ['Content-Encoding: gzip'])],
    ['in UTF-16', http(Buffer.from('{"data":[]}', 'utf16le'))],
    ['in no charset', http(Buffer.from([0x7b, 0xff, 0xfe, 0x80, 0x7d]))],
    ['with a byte order mark', http('\u{feff}{"data":[]}')],
    ['a page', http('<html><body>Welcome</body></html>')],
    ['a list', http('[]')],
    ['null', http('null')],
    ['with data twice', http('{"data":[],"data":[]}')],
    ['followed by more', http('{"data":[]}{"data":[]}')],
    ['with a comma too many', http('{"data":[{},]}')],
    ['without commas', http('{"data":[{}{}]}')],
    ['deep', data('['.repeat(100_000) + ']'.repeat(100_000))],
    ['deep in a row', data(`[{"type":${'['.repeat(10_000)}${']'.repeat(10_000)}}]`)],
    ['without data', http('{"success":1}')],
    ...['null', '"text"', '7', 'true', '{}{}'].map((json): [string, Attack] => [
      `with the data ${json}`,
      data(json),
    ]),
  ])('is an error: %s', async (_name, attack) => {
    await expect(attacked(attack, 'list')).resolves.toBeInstanceOf(PveError);
  });

  test('that redirects is not followed', async () => {
    const before = server.requests();
    const attack = http('', [`Location: ${server.url}/elsewhere`], '302 Found');
    await expect(attacked(attack, 'list')).resolves.toMatchObject({
      message: expect.stringContaining('redirect'),
    });
    expect(server.requests() - before).toBe(2);
  });

  test('that is followed by a second one nobody asked for does not become the answer of another call', async () => {
    const twice = `HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"data":[]}`
      .repeat(2)
      .replace(/\[\]\}$/, '[7}');
    await expect(attacked((socket) => void socket.write(twice), 'list')).resolves.toEqual([]);
  });
});

describe('a long answer', () => {
  test.each<[string, Name, string, string]>([
    [
      'more nodes than placement compares',
      'list',
      list('{"type":"node","node":"a"}', 300),
      'more than 128 entries of type node',
    ],
    ['more rows than a cluster has', 'list', list('{}', 50_000), 'more than 40000 entries'],
    ['more tasks than nodes remember', 'tasks', list('{}', 9000), 'more than 8192 entries'],
    ['a row of its own size', 'list', `[{"type":"${'x'.repeat(200_000)}"}]`, 'an entry of more than 128 KiB'],
    [
      'more options than a guest has',
      'object',
      `{"digest":"d"${',"a":1'.repeat(5000)}}`,
      'more than 4096 values',
    ],
    [
      'more reasons against a move than nodes',
      'preconditions',
      `{"local_resources":${list('1', 5000)}}`,
      'more than 4096 values',
    ],
    [
      'more paths than objects',
      'members',
      `{"/":{}${',"/vms":{}'.repeat(25_000)}}`,
      'more than 24000 entries',
    ],
    [
      'more interfaces than a guest has',
      'agent',
      `{"result":${list('{}', 40_000)}}`,
      'more than 32768 values',
    ],
    ['deep values', 'object', '['.repeat(64) + ']'.repeat(64), 'more than 32 levels'],
  ])('with %s is refused as a whole', async (_name, call, json, excess) => {
    await expect(attacked(data(json), call)).resolves.toMatchObject({
      refusal: 'excessive',
      message: expect.stringContaining(excess),
    });
  });

  test('of several MiB is read', async () => {
    const rows = Array.from({ length: 500 }, (_, at) => ({
      ...{ type: 'qemu', vmid: at + 100, node: 'pve1', name: `vm-${at}`, status: 'running' },
      ...{ tags: 'kubernetes;production', other: 'x'.repeat(10_000) },
    }));
    await expect(attacked(http(JSON.stringify({ data: rows })), 'list')).resolves.toHaveLength(500);
  });
});

describe('values beyond what PVE has', () => {
  const guestRow = (over: string): string => `[{"type":"qemu","vmid":100,"node":"pve1"${over}}]`;

  test.each<[string, string]>([
    ['a number beyond numbers', ',"maxcpu":1e999,"uptime":"1e999"'],
    ['a text of many digits', `,"maxcpu":"${'9'.repeat(400)}"`],
    ['a negative size', ',"maxmem":-1'],
    ['a name of any length', `,"name":"${'x'.repeat(1000)}"`],
    ['a name that moves the cursor', String.raw`,"name":"a\u001b[2J","lock":"\u202e","pool":"\ud800"`],
    ['an object for a text', ',"name":{"toString":1},"status":[[]]'],
  ])('count as absent: %s', async (_name, over) => {
    const result = await attacked(data(guestRow(over)), 'list');
    expect(result).toEqual([
      { type: 'qemu', vmid: 100, node: 'pve1', status: 'unknown', template: false, tags: [] },
    ]);
  });

  test.each([
    '{"type":"qemu","vmid":"99999999999999999999","node":"a"}',
    '{"type":"qemu","vmid":-1,"node":"a"}',
    '{"type":"qemu","vmid":1e15,"node":"a"}',
    '{"type":"qemu","vmid":100,"node":"../access"}',
    `{"type":"node","node":"${'a'.repeat(64)}"}`,
    String.raw`{"type":"storage","node":"a","storage":"\u0000"}`,
    '{"__proto__":{"type":"qemu","vmid":100,"node":"a"}}',
    '{"type":"toString"}',
    '[]',
    'null',
    '"qemu"',
  ])('make a row that is left out: %s', async (row) => {
    await expect(attacked(data(`[${row}]`), 'list')).resolves.toEqual([]);
  });

  test('leave no more tags than a guest may have', async () => {
    const tags = 'ab;'.repeat(1000);
    const [row] = (await attacked(data(guestRow(`,"tags":"${tags}"`)), 'list')) as { tags: string[] }[];
    expect(row!.tags).toHaveLength(128);
  });

  test('in the name of a member do not reach other objects', async () => {
    const json = '{"digest":"d","__proto__":"polluted","constructor":"x","name":"a","name":"b"}';
    const result = (await attacked(data(json), 'object')) as { values: Record<string, string> };
    expect(result.values['name']).toBe('b');
    await attacked(data('{"__proto__":{"polluted":1},"/":{"__proto__":1,"VM.Audit":1}}'), 'members');
    expect({}).not.toHaveProperty('polluted');
    expect(Object.getPrototypeOf(result.values)).toBe(Object.prototype);
  });

  test('are no options of a guest, and no halves of characters', async () => {
    const json = String.raw`{"digest":"d","a b":"x","${'k'.repeat(50)}":"x","description":"a\ud800b\n"}`;
    await expect(attacked(data(json), 'object')).resolves.toEqual({
      digest: 'd',
      values: { description: 'a\u{fffd}b\n' },
    });
  });

  test('of a time have no form that the API server refuses', async () => {
    const row = (time: string): string => `{"upid":"${UPID}","node":"pve1","type":"x","starttime":${time}}`;
    await expect(attacked(data(`[${row('1e15')},${row('-1')},${row('1')}]`), 'tasks')).resolves.toEqual([
      expect.objectContaining({ startedAt: 1000 }),
    ]);
  });

  test('in a line of a log are cut', async () => {
    const result = (await attacked(
      data(`[{"n":1,"t":"a\\u0007b${'x'.repeat(10_000)}"}]`),
      'taskLog',
    )) as string[];
    expect(result[0]).toMatch(/^a bx{397}…$/);
  });
});

describe('a failure', () => {
  const failing = (body: string, status = '500 Internal Server Error'): Attack => http(body, [], status);

  test.each<[string, Attack]>([
    ['objects for texts', failing('{"message":{"toString":1},"errors":{"a":{"toString":1},"b":[[]]}}')],
    ['deep complaints', failing(`{"errors":{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}}`)],
    [
      'many complaints',
      failing(`{"errors":{${Array.from({ length: 900 }, (_, at) => `"a${at}":"no"`).join(',')}}}`),
    ],
    ['a long message', failing(JSON.stringify({ message: 'x y'.repeat(20_000) }))],
    ['control characters', failing(String.raw`{"message":"a\u001b[2J\u0000\u202e\ud800b"}`)],
    ['control characters in its status line', raw('HTTP/1.1 500 a\u{1b}[2Jb\r\n\r\n')],
    ['a long status line', raw(`HTTP/1.1 500 ${'x'.repeat(10_000)}\r\n\r\n`)],
    ['an unknown status', raw('HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n')],
  ])('is reported in one readable line of bounded length: with %s', async (_name, attack) => {
    const result = await attacked(attack, 'object');
    expect(result).toBeInstanceOf(PveError);
    expect(Object.keys((result as PveError).fields).length).toBeLessThanOrEqual(32);
    expect((result as PveError).pveMessage).toMatch(/^[\P{C}]{0,701}$/u);
  });
});

describe('what a guest answers', () => {
  test('has no address longer than one', async () => {
    const address = (text: string): string => `{"ip-address":"${text}","prefix":24}`;
    const json = `{"result":[{"name":"eth0","ip-addresses":[${address('192.0.2.1')},${address('1'.repeat(100))}]}]}`;
    await expect(attacked(data(json), 'agent')).resolves.toEqual({
      result: [
        expect.objectContaining({ addresses: [{ address: '192.0.2.1', family: 'ipv4', prefix: 24 }] }),
      ],
    });
  });

  test('may be a megabyte of output, which is not kept', async () => {
    const json = `{"exited":1,"exitcode":3,"out-data":"${'x'.repeat(MiB)}"}`;
    await expect(attacked(data(json), 'process')).resolves.toEqual({ exited: true, exitcode: 3 });
  });
});

test('a ticket that is no header is none', async () => {
  const json = String.raw`{"ticket":"a\r\nX-Evil: 1","CSRFPreventionToken":"\ud800"}`;
  await expect(attacked(data(json), 'login')).resolves.toMatchObject({
    ticket: undefined,
    CSRFPreventionToken: undefined,
  });
});

test('any bytes and any JSON end in an answer or a typed error, from every endpoint', async () => {
  const names = Object.keys(calls()) as Name[];
  const json = fc.oneof(
    fc.json(),
    fc.json().map((text) => `{"data":${text}}`),
    fc.json().map((text) => `{"data":[${text},{"type":"node","node":${text}}]}`),
  );
  const body = fc.oneof(
    json,
    fc.tuple(json, fc.nat(200)).map(([text, at]) => text.slice(0, at)),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );
  const attack = fc.oneof(
    fc
      .tuple(
        body,
        fc.constantFrom('200 OK', '500 Oops', '400 Parameter verification failed.', '401 No', '596 x'),
      )
      .map(([text, status]) => http(text, [], status)),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => raw(Buffer.from(bytes))),
  );
  await fc.assert(
    fc.asyncProperty(attack, fc.constantFrom(...names), async (each, name) => {
      await attacked(each, name);
    }),
    { numRuns: 150 },
  );
});
