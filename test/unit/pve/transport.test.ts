import { createServer } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { bytes, millis, nodeName, seconds, vmid } from '../../../src/lib/units.ts';
import { createTransport, pve, PveError } from '../../../src/pve/index.ts';
import { commonRoom } from '../../../src/pve/room.ts';
import { answer, data, reset, TOKEN, withServer, type Received, type Respond } from './raw-server.ts';

const guest = (send: Parameters<typeof pve>[0]) => pve(send).node(nodeName('pve1')).qemu(vmid(100));
const UPID = 'UPID:pve1:0003A1B2:01C2D3E4:65F00000:qmconfig:100:operator@pve!k8s:';
const failure = (promise: Promise<unknown>): Promise<PveError> =>
  promise.then(
    () => {
      throw new Error('It succeeded.');
    },
    (error: unknown) => {
      if (error instanceof PveError) return error;
      throw error;
    },
  );
const never: Respond = () => undefined;

describe('a request', () => {
  test('carries the token, and its parameters as a form with everything escaped', () =>
    withServer(async ({ server, transport }) => {
      server.replies(data(UPID));
      const patch = { description: 'a;b&c=d+e f\nü', cores: 2 };
      await expect(
        guest(transport.send).setConfig(patch, { digest: 'abc', delete: ['net1', 'scsi1'] }),
      ).resolves.toBe(UPID);
      const [request] = server.received;
      expect(request).toMatchObject({ method: 'POST', url: '/api2/json/nodes/pve1/qemu/100/config' });
      expect(request!.headers).toMatchObject({
        authorization: 'PVEAPIToken=operator@pve!k8s=tok-secret-4711',
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': String(request!.body.length),
      });
      expect(request!.body).toContain('description=a%3Bb%26c%3Dd%2Be%20f%0A%C3%BC');
      expect(Object.fromEntries(new URLSearchParams(request!.body))).toEqual({
        description: 'a;b&c=d+e f\nü',
        cores: '2',
        digest: 'abc',
        delete: 'net1,scsi1',
      });
    }));

  test('of GET and DELETE has its parameters in the query and no body', () =>
    withServer(async ({ server, transport }) => {
      server.replies(data({ digest: 'abc' }), data(UPID));
      await guest(transport.send).config({ current: true });
      await guest(transport.send).destroy({ purge: true });
      expect(server.received.map(({ method, url, body }) => [method, url, body])).toEqual([
        ['GET', '/api2/json/nodes/pve1/qemu/100/config?current=1', ''],
        ['DELETE', '/api2/json/nodes/pve1/qemu/100?purge=1&destroy-unreferenced-disks=0', ''],
      ]);
    }));

  test('without parameters is still a whole POST', () =>
    withServer(async ({ server, transport }) => {
      server.replies(data(UPID));
      await guest(transport.send).start();
      expect(server.received[0]).toMatchObject({
        method: 'POST',
        body: '',
        headers: { 'content-length': '0' },
      });
    }));

  test('sends its head and its body together', async () => {
    const packets: string[] = [];
    const server = createServer((socket) => {
      socket.on('data', (packet) => {
        packets.push(packet.toString());
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"data":null}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const transport = createTransport({ endpoint: `http://127.0.0.1:${port}`, credentials: TOKEN });
    try {
      await guest(transport.send).setConfig({ cores: 2 }, { digest: 'abc' });
    } finally {
      await transport.close();
      server.close();
    }
    expect(packets).toEqual([
      expect.stringMatching(/^POST [\s\S]*\r\n\r\n(cores=2&digest=abc|digest=abc&cores=2)$/),
    ]);
  });

  test('does not leave the path that its endpoint has', () =>
    withServer(async ({ server, transport }) => {
      const error = await failure(pve(transport.send).node(nodeName('../access')).network());
      expect(error).toMatchObject({
        refusal: 'invalid',
        message: expect.stringContaining('not a node name'),
      });
      expect(server.received).toEqual([]);
    }));

  test('that is too large for PVE is not sent', () =>
    withServer(async ({ server, transport }) => {
      const patch = { description: 'x'.repeat(600 * 1024) };
      const error = await failure(guest(transport.send).setConfig(patch, { digest: 'abc' }));
      expect(error.refusal).toBe('invalid');
      expect(server.received).toEqual([]);
    }));

  test('is counted with its template, its status and its duration', () =>
    withServer(async ({ server, transport, seen }) => {
      server.replies(data({ digest: 'abc' }), answer(500, 'VM is locked (clone)'));
      await guest(transport.send).config();
      await failure(guest(transport.send).status());
      expect(seen).toEqual([
        { method: 'GET', route: '/nodes/{node}/qemu/{vmid}/config', code: '200', ms: expect.any(Number) },
        {
          method: 'GET',
          route: '/nodes/{node}/qemu/{vmid}/status/current',
          code: '500',
          ms: expect.any(Number),
        },
      ]);
    }));
});

describe('a refusal', () => {
  test('is read from the reason phrase where the body is empty', () =>
    withServer(async ({ server, transport }) => {
      server.replies(answer(500, "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist"));
      await expect(guest(transport.send).config()).rejects.toMatchObject({
        refusal: 'notFound',
        absent: 'guest',
      });
    }));

  test('is read from the body where a proxy took the reason phrase away', () =>
    withServer(async ({ server, transport }) => {
      server.replies(
        answer(500, 'Internal Server Error', { data: null, message: 'VM is locked (backup)\n' }),
      );
      await expect(guest(transport.send).config()).rejects.toMatchObject({
        refusal: 'locked',
        pveMessage: 'VM is locked (backup)',
      });
    }));

  test('does not repeat what may be secret', () =>
    withServer(async ({ server, transport }) => {
      const quoting: Respond = ({ body }, response) =>
        answer(500, `cannot set ${new URLSearchParams(body).get('cipassword') ?? ''} with tok-secret-4711`)(
          { method: '', url: '', headers: {}, body },
          response,
        );
      server.replies(quoting);
      const error = await failure(
        guest(transport.send).setConfig({ cipassword: 'hunter22' }, { digest: 'abc' }),
      );
      expect(error.message).toContain('cannot set *** with ***');
      expect(JSON.stringify([error, error.message, error.stack])).not.toMatch(/hunter22|tok-secret/);
    }));

  test('of a redirect says to check the endpoint', () =>
    withServer(async ({ server, transport }) => {
      server.replies(answer(301, 'Moved Permanently'));
      expect((await failure(guest(transport.send).config())).message).toContain('answered with a redirect');
    }));

  test('of the token is not tried again', () =>
    withServer(async ({ server, transport }) => {
      server.replies(answer(401, 'Authentication failed!'));
      const error = await failure(guest(transport.send).config());
      expect(error).toMatchObject({
        refusal: 'unauthenticated',
        message: expect.stringContaining('Check user, token ID and secret'),
      });
      expect(server.received).toHaveLength(1);
    }));
});

describe('an answer that is none of PVE', () => {
  test('to a read is an error that asks for the endpoint', () =>
    withServer(async ({ server, transport }) => {
      server.replies(answer(200, 'OK', '<html>Welcome</html>'));
      const error = await failure(guest(transport.send).config());
      expect(error).toMatchObject({
        refusal: 'unknown',
        message: expect.stringContaining('Check whether the endpoint'),
      });
    }));

  test('to a change leaves its outcome unknown', () =>
    withServer(async ({ server, transport }) => {
      server.replies(answer(200, 'OK', { data: { odd: 1 } }));
      expect((await failure(guest(transport.send).start())).refusal).toBe('unknownOutcome');
    }));
});

describe('a read that fails in passing', () => {
  test.each([502, 503, 504, 595, 596, 599])('is tried twice more after %d', (status) =>
    withServer(async ({ server, transport, pauses }) => {
      server.replies(
        answer(status, 'No route to host'),
        answer(status, 'No route to host'),
        data({ digest: 'abc' }),
      );
      await expect(guest(transport.send).config()).resolves.toMatchObject({ digest: 'abc' });
      expect(server.received).toHaveLength(3);
      expect(pauses).toEqual([100, 300]);
    }),
  );

  test('is tried again after a reset', () =>
    withServer(async ({ server, transport }) => {
      server.replies(reset, data({ digest: 'abc' }));
      await expect(guest(transport.send).config()).resolves.toMatchObject({ digest: 'abc' });
    }));

  test('is given up after the third time', () =>
    withServer(async ({ server, transport }) => {
      server.replies(answer(595, 'No route to host'));
      const error = await failure(guest(transport.send).config());
      expect(error).toMatchObject({ refusal: 'unavailable', code: '595', pveMessage: 'No route to host' });
      expect(server.received).toHaveLength(3);
    }));

  test('is not tried again after any other refusal', () =>
    withServer(async ({ server, transport }) => {
      server.replies(answer(500, 'VM is locked (clone)'));
      await failure(guest(transport.send).config());
      expect(server.received).toHaveLength(1);
    }));
});

describe('a change', () => {
  test.each([
    ['a reset', reset],
    ['595', answer(595, 'Connection refused')],
    ['502', answer(502, 'Bad Gateway')],
  ])('is sent once only, and its outcome is unknown after %s', (_what, respond) =>
    withServer(async ({ server, transport }) => {
      server.replies(respond, data(UPID));
      const { send } = transport;
      const error = await failure(guest(send).start());
      expect(error.refusal).toBe('unknownOutcome');
      expect(error.message).toContain('Whether Proxmox VE made the change is not known');
      expect(server.received).toHaveLength(1);
    }),
  );

  test.each([
    [
      'PUT',
      (send: Parameters<typeof pve>[0]) => guest(send).resize({ disk: 'scsi0', size: bytes(1024 ** 3) }),
    ],
    ['DELETE', (send: Parameters<typeof pve>[0]) => guest(send).destroy({ purge: false })],
  ])('by %s is not repeated either', (_method, change) =>
    withServer(async ({ server, transport }) => {
      server.replies(reset);
      expect((await failure(change(transport.send))).refusal).toBe('unknownOutcome');
      expect(server.received).toHaveLength(1);
    }),
  );

  test('certainly did not happen if nothing listens there', () =>
    withServer(async ({ server, transport }) => {
      await server.close();
      const error = await failure(guest(transport.send).start());
      expect(error).toMatchObject({ refusal: 'unavailable', code: 'ECONNREFUSED' });
    }));

  test('that got no answer in time is in doubt', () =>
    withServer(
      async ({ server, transport }) => {
        server.replies(never);
        expect(await failure(guest(transport.send).start())).toMatchObject({
          refusal: 'unknownOutcome',
          code: 'timeout',
        });
      },
      { deadline: millis(50) },
    ));
});

describe('a caller that aborts', () => {
  test('ends a read at once, with its own reason', () =>
    withServer(async ({ server, transport }) => {
      const controller = new AbortController();
      server.replies(() => controller.abort(new Error('shutting down')));
      await expect(guest(transport.send).config({ signal: controller.signal })).rejects.toThrow(
        'shutting down',
      );
    }));

  test('does not cut off a change that was sent, for its outcome would be lost', () =>
    withServer(async ({ server, transport }) => {
      const controller = new AbortController();
      server.replies((request, response) => {
        controller.abort(new Error('shutting down'));
        setTimeout(() => data(UPID)(request, response), 20);
      });
      await expect(guest(transport.send).start({ signal: controller.signal })).resolves.toBe(UPID);
    }));

  test('before a change is sent prevents it', () =>
    withServer(async ({ server, transport }) => {
      const signal = AbortSignal.abort(new Error('shutting down'));
      await expect(guest(transport.send).start({ signal })).rejects.toThrow('shutting down');
      expect(server.received).toEqual([]);
    }));

  test('during the pause before a repetition gets no further attempt', () =>
    withServer(
      async ({ server, transport }) => {
        const controller = new AbortController();
        server.replies((request, response) => {
          answer(595, 'No route to host')(request, response);
          setImmediate(() => controller.abort(new Error('shutting down')));
        });
        await expect(guest(transport.send).config({ signal: controller.signal })).rejects.toThrow();
        expect(server.received).toHaveLength(1);
      },
      { sleep: (_duration, signal) => new Promise((resolve) => signal?.addEventListener('abort', resolve)) },
    ));
});

describe('requests in flight', () => {
  test('are at most four a node, and other nodes are not held up', () =>
    withServer(async ({ server, transport }) => {
      const held: (() => void)[] = [];
      server.replies((request, response) => held.push(() => data([])(request, response)));
      const node = (name: string) => pve(transport.send).node(nodeName(name));
      const calls = [
        ...Array.from({ length: 3 }, () => node('pve1').network()),
        ...Array.from({ length: 3 }, () => node('pve1').activeTasks()),
        node('pve2').network(),
      ];
      while (held.length < 5) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(server.received.filter(({ url }) => url.includes('/pve1/'))).toHaveLength(4);
      expect(server.received.filter(({ url }) => url.includes('/pve2/'))).toHaveLength(1);
      server.replies(data([]));
      held.forEach((release) => release());
      await Promise.all(calls);
      expect(server.received).toHaveLength(7);
    }));

  test('let nothing that cannot be undone be sent after it waited for more than two seconds', async () => {
    let now = 0;
    await withServer(
      async ({ server, transport }) => {
        const held: (() => void)[] = [];
        server.replies((request, response) => held.push(() => data([])(request, response)));
        const node = pve(transport.send).node(nodeName('pve1'));
        const reads = [...Array.from({ length: 3 }, () => node.network()), node.activeTasks()];
        while (held.length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
        const vm = guest(transport.send);
        const late = [
          vm.destroy({ purge: true }),
          vm.stop(),
          vm.shutdown({ timeout: seconds(60), forceStop: true }),
        ];
        const errors = Promise.all(late.map(failure));
        const start = vm.start();
        now = 2_100;
        server.replies(data(UPID));
        held.forEach((release) => release());
        for (const error of await errors)
          expect(error).toMatchObject({ refusal: 'stale', message: expect.stringContaining('was not sent') });
        await Promise.all([...reads, start]);
        await vm.stop();
        const paths = server.received.slice(4).map(({ method, url }) => `${method} ${url}`);
        expect(paths).toEqual([
          'POST /api2/json/nodes/pve1/qemu/100/status/start',
          'POST /api2/json/nodes/pve1/qemu/100/status/stop',
        ]);
      },
      { now: () => now },
    );
  });

  test('are at most three of one kind, so that a storage that hangs does not hold up what needs none', () =>
    withServer(async ({ server, transport }) => {
      const hangs = ({ method, url }: Received) => method === 'POST' && url.includes('/qemu/100/config');
      server.replies((request, response) => {
        if (!hangs(request)) data({ digest: 'abc' })(request, response);
      });
      const vm = guest(transport.send);
      const hanging = Array.from({ length: 6 }, () =>
        failure(vm.setConfig({ ciuser: 'a' }, { digest: 'abc' })),
      );
      while (server.received.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
      await vm.config();
      expect(server.received.filter(hangs)).toHaveLength(3);
      await transport.close(millis(0));
      await Promise.all(hanging);
    }));

  test('that are not answered leave those behind them an error, and the next pass another try', () =>
    withServer(
      async ({ server, transport, pauses }) => {
        server.replies(() => undefined);
        const node = pve(transport.send).node(nodeName('pve1'));
        const ahead = Array.from({ length: 3 }, () => failure(node.network()));
        const behind = await failure(node.network());
        expect(behind).toMatchObject({
          refusal: 'unavailable',
          code: 'crowded',
          message: expect.stringContaining('was not sent'),
        });
        expect(pauses).toEqual([]); // it does not wait again within the same pass
        while (server.received.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
        await transport.close(millis(0));
        await Promise.all(ahead);
      },
      { maxWait: millis(20) },
    ));

  test('that are not answered do not hold up checks of the server', () =>
    withServer(async ({ server, transport }) => {
      const isVersion = ({ url }: Received) => url.endsWith('/version');
      server.replies((request, response) => {
        if (isVersion(request)) data({ version: '9.0.1', release: '9.0' })(request, response);
      });
      const handles = pve(transport.send);
      const names = Array.from({ length: 30 }, (_, n) => nodeName(`pve${n}`));
      const hanging = [
        ...names.flatMap((name) => [1, 2, 3].map(() => failure(handles.node(name).network()))),
        ...[1, 2, 3, 4].map(() => failure(handles.cluster.nextid())),
      ];
      // All connections are in use.
      while (server.received.length < 64) await new Promise((resolve) => setTimeout(resolve, 5));
      expect((await handles.version()).release).toBe('9.0');
      await transport.close(millis(0));
      await Promise.all(hanging);
    }));

  test('may end when the transport closes', () =>
    withServer(async ({ server, transport }) => {
      const arrived = new Promise<void>((resolve) => {
        server.replies((request, response) => {
          resolve();
          setTimeout(() => data(UPID)(request, response), 30);
        });
      });
      const started = guest(transport.send).start();
      await arrived;
      await transport.close();
      await expect(started).resolves.toBe(UPID);
      expect((await failure(guest(transport.send).start())).refusal).toBe('unavailable');
    }));
});

test.each([
  [{ kind: 'token', id: 'no-token', secret: 'x' } as const, 'user@realm!name'],
  [{ kind: 'token', id: 'a@pve!b2', secret: 'two\nlines' } as const, 'line breaks'],
  [{ kind: 'password', username: 'root', password: 'x' } as const, 'realm'],
])('credentials that cannot be right are refused before anything is sent', (credentials, why) => {
  expect(() => createTransport({ endpoint: 'https://127.0.0.1', credentials })).toThrow(why);
});

test('an endpoint that cannot be right is refused', () => {
  expect(() => createTransport({ endpoint: 'pve', credentials: TOKEN })).toThrow('https');
});

describe('a call to a node of an older version', () => {
  const on = (release: string | undefined) => ({ versionOf: () => release });
  const sent = (body: string) => Object.fromEntries(new URLSearchParams(body));

  test('lacks what that version does not have', () =>
    withServer(async ({ server, transport }) => {
      server.replies(data(UPID));
      await guest(transport.send).setConfig({ ciuser: 'a', ciupgrade: '0' }, { digest: 'abc' });
      expect(sent(server.received[0]!.body)).toEqual({ ciuser: 'a', digest: 'abc' });
    }, on('7.4')));

  test('has everything on a newer node, and where the version is not known', async () => {
    for (const release of ['8.0', undefined])
      await withServer(async ({ server, transport }) => {
        server.replies(data(UPID));
        await guest(transport.send).setConfig({ ciupgrade: '0' }, { digest: 'abc' });
        expect(sent(server.received[0]!.body)).toEqual({ ciupgrade: '0', digest: 'abc' });
      }, on(release));
  });

  test('is not sent if it would do something else, and says which version can', () =>
    withServer(async ({ server, transport }) => {
      const write = guest(transport.send).setConfig({ tpmstate0: 'lvm:1,version=v2.0' }, { digest: 'abc' });
      const { refusal, message, pveMessage } = await failure(write);
      expect(server.received).toEqual([]);
      expect(refusal).toBe('invalid');
      expect(pveMessage).toBe('Node pve1 runs Proxmox VE 7.0, but tpmstate0 needs Proxmox VE 7.2 or newer.');
      expect(message).toContain(pveMessage);
    }, on('7.0')));

  test('carries an upload without its checksum', () =>
    withServer(async ({ server, transport }) => {
      server.replies(data(UPID));
      const storage = pve(transport.send).node(nodeName('pve1')).storage('local');
      await storage.upload({ content: 'iso', filename: 'a.iso', bytes: Buffer.from('x') });
      expect(server.received[0]!.body).toContain('name="content"');
      expect(server.received[0]!.body).not.toContain('checksum');
    }, on('7.0')));
});

describe('the memory for answers', () => {
  const inMiB = (size: number): Respond => data({ digest: 'abc', description: 'x'.repeat(size * 1024) });

  test('is free again after each answer, refusal and broken connection', async () => {
    const room = commonRoom({ total: 0, each: 200 * 1024 });
    await withServer(
      async ({ server, transport }) => {
        server.replies(inMiB(150), answer(500, 'Oops', 'x'.repeat(60_000)), inMiB(150), reset, inMiB(150));
        await guest(transport.send).config();
        await failure(guest(transport.send).config());
        await guest(transport.send).config();
        await guest(transport.send).config();
      },
      { room },
    );
  });

  test('that other answers fill lets a call fail, which is not repeated at once', () =>
    withServer(
      async ({ server, transport }) => {
        server.replies(inMiB(150));
        await expect(failure(guest(transport.send).config())).resolves.toMatchObject({
          refusal: 'unavailable',
          message: expect.stringContaining('larger together'),
        });
        expect(server.received).toHaveLength(1);
      },
      { room: commonRoom({ total: 0, each: 100 * 1024 }) },
    ));
});
