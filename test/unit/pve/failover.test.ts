import { afterEach, describe, expect, test } from '@jest/globals';
import { millis, nodeName, vmid } from '../../../src/lib/units.ts';
import {
  createTransport,
  pve,
  type ClusterIdentity,
  type Transport,
  type TransportOptions,
} from '../../../src/pve/index.ts';
import {
  answer,
  data,
  rawServer,
  reset,
  TOKEN,
  type RawServer,
  type Received,
  type Respond,
} from './raw-server.ts';

const UPID = 'UPID:pve1:0003A1B2:01C2D3E4:65F00000:qmstart:100:operator@pve!k8s:';
const CONFIG = { digest: 'abc', cores: '2' };
const servers: RawServer[] = [];
const transports: Transport[] = [];

afterEach(async () => {
  await Promise.all(transports.splice(0).map((transport) => transport.close(millis(0))));
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const statusOf = (cluster: string, nodes: readonly string[]) => [
  { type: 'cluster', name: cluster, quorate: 1 },
  ...nodes.map((name) => ({ type: 'node', name, online: 1 })),
];

const isQuestion = ({ url }: Received): boolean => url.startsWith('/api2/json/cluster/');
const isLogin = ({ url }: Received): boolean => url.endsWith('/access/ticket');
const work = (server: RawServer) => server.received.filter((request) => !isQuestion(request));
const questions = (server: RawServer) => server.received.filter(isQuestion).map(({ url }) => url);

/** A node of the cluster: it identifies itself, and answers all other requests with the given response. */
async function node(
  respond: Respond,
  { cluster = 'homelab', at = 0, status = undefined as Respond | undefined } = {},
) {
  const server = await rawServer(undefined, at);
  const identify = status ?? data(statusOf(cluster, ['pve1', 'pve2']));
  server.replies((request, response) => {
    response.setHeader('connection', 'close'); // so that no later request meets the end of this server
    (isQuestion(request) ? identify : respond)(request, response);
  });
  servers.push(server);
  return server;
}

async function deadPort(): Promise<number> {
  const server = await rawServer();
  await server.close();
  return server.port;
}
const urlOf = (port: number): string => `http://127.0.0.1:${port}`;

function connect(urls: readonly [string, ...string[]], options: Partial<TransportOptions> = {}) {
  const moves: string[] = [];
  const transport = createTransport({
    endpoint: urls[0],
    endpoints: urls.slice(1),
    credentials: TOKEN,
    isExpectedCluster: ({ name }: ClusterIdentity) => name === undefined || name === 'homelab',
    onFailover: (origin) => moves.push(origin),
    sleep: () => Promise.resolve(),
    ...options,
  });
  transports.push(transport);
  const guest = pve(transport.send).node(nodeName('pve1')).qemu(vmid(100));
  return { transport, moves, guest };
}

test('an endpoint that answers nothing any more, though it accepts connections, is replaced by the next', async () => {
  const first = await node(data(CONFIG));
  const second = await node(data(CONFIG));
  const { transport, guest } = connect([first.url, second.url], { deadline: millis(1000) });
  await guest.config();
  first.replies(() => undefined);
  await expect(guest.config()).rejects.toMatchObject({ code: 'timeout' });
  await guest.config();
  expect(transport.origin).toBe(second.url);
});

describe('an endpoint that cannot be reached', () => {
  test('is replaced by the next, for reads and for changes', async () => {
    const second = await node(data(UPID));
    const { transport, moves, guest } = connect([urlOf(await deadPort()), second.url]);
    await expect(guest.start()).resolves.toBe(UPID);
    await expect(guest.stop()).resolves.toBe(UPID);
    expect(work(second)).toHaveLength(2);
    expect(transport.origin).toBe(second.url);
    expect(moves).toEqual([second.url]);
  });

  test('is not asked again while the other answers, though it is back', async () => {
    const port = await deadPort();
    const second = await node(data(UPID));
    const { transport, guest } = connect([urlOf(port), second.url]);
    await guest.start();
    const first = await node(data(UPID), { at: port });
    await guest.stop();
    expect(first.received).toEqual([]);
    await second.close();
    await guest.start();
    expect(work(first)).toHaveLength(1);
    expect(transport.origin).toBe(first.url);
  });

  test('is named with the others when none can be reached, and each is tried again with the next call', async () => {
    const [one, two] = [await deadPort(), await deadPort()];
    const { transport, guest } = connect([urlOf(one), urlOf(two)]);
    await expect(guest.start()).rejects.toMatchObject({
      refusal: 'unavailable',
      code: 'ECONNREFUSED',
      message: expect.stringMatching(new RegExp(`:${one}: nothing listens.*; .*:${two}: nothing listens`)),
    });
    const second = await node(data(UPID), { at: two });
    await expect(guest.start()).resolves.toBe(UPID);
    expect(transport.origin).toBe(second.url);
  });

  test('stays named with the others, whichever of them a request came to', async () => {
    let identifies: Respond = data(statusOf('homelab', ['pve1', 'pve2']));
    const first = await node(() => undefined, { status: (...how) => identifies(...how) });
    const second = await deadPort();
    const { guest } = connect([first.url, urlOf(second)], { deadline: millis(1000) });
    const both = new RegExp(`:${first.port}: .*; .*:${second}: `);
    const said = async () => String(await guest.config().catch((error: unknown) => error));
    await said();
    identifies = reset;
    expect(await said()).toMatch(both);
    identifies = data(statusOf('homelab', ['pve1', 'pve2']));
    expect(await said()).toMatch(both);
  });

  test('costs a login with the password at the next one', async () => {
    const second = await node((request, response) =>
      data(isLogin(request) ? { ticket: 'PVE:1', CSRFPreventionToken: 'csrf-1' } : UPID)(request, response),
    );
    const { guest } = connect([urlOf(await deadPort()), second.url], {
      credentials: { kind: 'password', username: 'operator@pve', password: 'swordfish' },
    });
    await expect(guest.start()).resolves.toBe(UPID);
    expect(work(second).map(isLogin)).toEqual([true, false]);
  });
});

describe('a connection that is reset', () => {
  test('sends a read to the next endpoint', async () => {
    const [first, second] = [await node(reset), await node(data(CONFIG))];
    const { guest } = connect([first.url, second.url]);
    await expect(guest.config()).resolves.toMatchObject({ digest: 'abc' });
    expect(work(first)).toHaveLength(1);
  });

  test('does not send a change to another endpoint: it may have been made', async () => {
    const [first, second] = [await node(reset), await node(data(UPID))];
    const { guest } = connect([first.url, second.url]);
    await expect(guest.start()).rejects.toMatchObject({ refusal: 'unknownOutcome' });
    expect(work(first)).toHaveLength(1);
    expect(second.received).toEqual([]);
  });
});

test('an answer that took too long does not send a change to another endpoint', async () => {
  const [first, second] = [await node(() => undefined), await node(data(UPID))];
  const { guest } = connect([first.url, second.url], { deadline: millis(500) });
  await expect(guest.start()).rejects.toMatchObject({ refusal: 'unknownOutcome', code: 'timeout' });
  expect(second.received).toEqual([]);
});

test('a refusal is an answer: no other endpoint is asked', async () => {
  const [first, second] = [await node(answer(500, 'VM is locked (clone)')), await node(data(UPID))];
  const { guest } = connect([first.url, second.url]);
  await expect(guest.start()).rejects.toMatchObject({ refusal: 'locked' });
  expect(second.received).toEqual([]);
});

describe('who answers at an endpoint', () => {
  test('is asked once before it comes into use, however many calls wait', async () => {
    const second = await node(data(UPID));
    const { guest } = connect([urlOf(await deadPort()), second.url]);
    await Promise.all([guest.start(), guest.start(), guest.start()]);
    expect(questions(second)).toEqual(['/api2/json/cluster/status']);
    expect(work(second)).toHaveLength(3);
  });

  test('gets no other request when it is another cluster', async () => {
    const second = await node(data(UPID), { cluster: 'elsewhere' });
    const { guest } = connect([urlOf(await deadPort()), second.url]);
    await expect(guest.start()).rejects.toMatchObject({
      refusal: 'unavailable',
      message: expect.stringMatching(/another Proxmox VE cluster \(elsewhere; nodes: pve1, pve2\)/),
    });
    expect(work(second)).toEqual([]);
  });

  test('is passed over for the next one when it is another cluster', async () => {
    const [second, third] = [await node(data(UPID), { cluster: 'elsewhere' }), await node(data(UPID))];
    const { transport, guest } = connect([urlOf(await deadPort()), second.url, third.url]);
    await expect(guest.start()).resolves.toBe(UPID);
    expect(work(second)).toEqual([]);
    expect(transport.origin).toBe(third.url);
  });

  test('is asked again when it comes back into use', async () => {
    const port = await deadPort();
    const second = await node(data(UPID));
    const { guest } = connect([urlOf(port), second.url]);
    await guest.start();
    await second.close();
    const first = await node(data(UPID), { at: port });
    await guest.start();
    const impostor = await node(data(UPID), { cluster: 'elsewhere', at: second.port });
    await first.close();
    await expect(guest.start()).rejects.toMatchObject({ refusal: 'unavailable' });
    expect(work(impostor)).toEqual([]);
  });

  test('is judged by its nodes where the name of the cluster may not be known', async () => {
    const found: ClusterIdentity[] = [];
    const second = await node(data(UPID), {
      status: (request, response) =>
        (request.url.includes('/resources')
          ? data([{ type: 'node', node: 'pve1', status: 'online' }])
          : answer(403, 'Permission check failed (/, Sys.Audit)'))(request, response),
    });
    const { guest } = connect([urlOf(await deadPort()), second.url], {
      isExpectedCluster: (identity) => found.push(identity) > 0,
    });
    await expect(guest.start()).resolves.toBe(UPID);
    expect(found).toEqual([{ name: undefined, nodes: ['pve1'] }]);
  });

  test('that does not know us is a refusal of the credentials, and nothing is changed there', async () => {
    const second = await node(data(UPID), { status: answer(401, 'Authentication failed!') });
    const { guest } = connect([urlOf(await deadPort()), second.url]);
    await expect(guest.start()).rejects.toMatchObject({ refusal: 'unauthenticated' });
    expect(work(second)).toEqual([]);
  });

  test.each([
    ['does not identify itself', answer(595, 'No route to host')],
    ['hangs up', reset],
  ])('and %s leaves no doubt about the change that waited', async (_what, status) => {
    const second = await node(data(UPID), { status });
    const { guest } = connect([urlOf(await deadPort()), second.url]);
    await expect(guest.start()).rejects.toMatchObject({ refusal: 'unavailable' });
    expect(work(second)).toEqual([]);
  });

  test('is not asked where there is only one endpoint', async () => {
    const only = await node(data(UPID));
    const { guest } = connect([only.url]);
    await guest.start();
    expect(questions(only)).toEqual([]);
  });
});
