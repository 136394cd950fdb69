import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startControlPlane, type ControlPlane } from '../harness/control-plane.ts';
import { eventually } from './eventually.ts';
import { kubeconfigThrough, tcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { aToy, installToys, toyOperator } from './toy.ts';

type Operator = Awaited<ReturnType<typeof toyOperator>>;

let plane: ControlPlane;
let proxy: TcpProxy;
let folder: string;
let operator: Operator;
let restarts = 0;
const logged: string[] = [];

const kubectl = async (args: readonly string[], input?: string): Promise<string> => {
  const { code, stdout, stderr } = await plane.kubectl(args, input === undefined ? {} : { input });
  if (code !== 0) throw new Error(stderr);
  return stdout;
};
const create = (name: string) => kubectl(['apply', '-f', '-'], aToy(name, 'default'));
const isReady = (name: string) => kubectl(['wait', '--for=condition=Ready', `toy/${name}`, '--timeout=180s']);

beforeAll(async () => {
  plane = await startControlPlane();
  const server = new URL(plane.server);
  proxy = await tcpProxy(server);
  folder = await mkdtemp(join(tmpdir(), 'toys-'));
  await installToys((args, { input } = {}) => kubectl(args, input));
  operator = await toyOperator({
    kubeconfig: await kubeconfigThrough(proxy, plane.kubeconfig, server),
    folder,
    identity: 'watcher',
    namespace: 'default',
    alone: true,
    onWatchRestart: () => (restarts += 1),
    log: (line) => logged.push(line),
  });
  await eventually(() => operator.manager.leading);
});
afterAll(async () => {
  await operator.stop();
  await proxy.close();
  await plane.stop();
  await rm(folder, { recursive: true });
});

test('continues after its connections were reset, with nothing missed', async () => {
  await create('before');
  await isReady('before');
  const seen = restarts;
  proxy.reset();
  await create('after');
  await isReady('after');
  expect(restarts).toBeGreaterThan(seen);
});

test('continues after the API server was restarted', async () => {
  await plane.restartApiServer();
  await create('restarted');
  await eventually(() => operator.toys.cache.get('default', 'restarted'));
});

test('reads everything again when its place in history is no longer kept, and notices what went meanwhile', async () => {
  await eventually(() => operator.toys.cache.get('default', 'restarted'));
  logged.length = 0;
  proxy.shut();
  await create('unseen');
  await kubectl(['patch', 'toy/before', '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
  await kubectl(['delete', 'toy/before']);
  await plane.restartApiServer(); // its new watch cache begins after what happened above
  proxy.open();
  await eventually(() => operator.toys.cache.get('default', 'unseen'));
  await eventually(() => !operator.toys.cache.get('default', 'before'));
  expect(logged.join('')).toMatch(/too old resource version|Expired/);
});
