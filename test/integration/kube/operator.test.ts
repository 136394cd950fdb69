import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { controlPlane, type TestPlane } from '../harness/control-plane.ts';
import { eventually } from './eventually.ts';
import { kubeconfigThrough, tcpProxy } from './tcp-proxy.ts';
import { aToy, FINALIZER, installToys, toyOperator, type ToyOperatorOptions } from './toy.ts';

const Stored = z.object({
  metadata: z.object({ resourceVersion: z.string(), finalizers: z.array(z.string()).default([]) }),
  status: z
    .object({
      size: z.unknown(),
      observedGeneration: z.int(),
      conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: z.string() })),
    })
    .optional(),
});

type Operator = Awaited<ReturnType<typeof toyOperator>>;

let plane: TestPlane;
let namespace: string;
let folder: string;
let operators: Operator[];

beforeAll(async () => {
  plane = await controlPlane();
  await installToys(plane.succeed);
});
beforeEach(async () => {
  namespace = await plane.newNamespace('toys');
  folder = await mkdtemp(join(tmpdir(), 'toys-'));
  operators = [];
});
afterEach(async () => {
  await Promise.all(operators.map((operator) => operator.stop()));
  await plane.kubectl(['delete', 'toys', '--all', '-n', namespace, '--wait=false']);
  await rm(folder, { recursive: true });
});

async function operator(rest: Partial<ToyOperatorOptions> = {}): Promise<Operator> {
  const started = await toyOperator({
    kubeconfig: plane.kubeconfig,
    folder,
    namespace,
    identity: 'one',
    ...rest,
  });
  operators.push(started);
  return started;
}

const apply = (name: string, rest?: object) =>
  plane.succeed(['apply', '-f', '-'], { input: aToy(name, namespace, rest) });
const stored = async (name: string) =>
  Stored.parse(JSON.parse(await plane.succeed(['get', 'toy', name, '-n', namespace, '-o', 'json'])));
const isReady = (name: string) =>
  plane.succeed(['wait', '--for=condition=Ready', `toy/${name}`, '-n', namespace, '--timeout=180s']);
const file = (name: string) => join(folder, `${namespace}.${name}`);

/** Counts, by the log, the passes that found an object of this test as it should be. */
function settledPasses() {
  const lines: string[] = [];
  return {
    log: (line: string) => void lines.push(line),
    count: () =>
      lines.filter((line) => line.includes(`"${namespace}"`) && line.includes('"outcome":"settled"')).length,
  };
}

describe('an object', () => {
  test('is reconciled, again after every change, and its events can be read', async () => {
    await operator();
    await apply('car', { spec: { size: 3 } });
    await isReady('car');
    expect(await readFile(file('car'), 'utf8')).toBe('3');
    await apply('car', { spec: { size: 4 } });
    await isReady('car'); // waits for the condition of the new generation
    expect(await readFile(file('car'), 'utf8')).toBe('4');
    expect((await stored('car')).status).toMatchObject({ size: 4, observedGeneration: 2 });
    const events = await eventually(async () => {
      const list = await plane.succeed(['events', '--for=toy/car', '-n', namespace]);
      return list.includes('4 bytes') && list;
    });
    expect(events).toMatch(/Normal\s+Made\s+Toy\/car\s+The file has 3 bytes/);
  });

  test('that is settled is not written again, however often it is reconciled', async () => {
    const passes = settledPasses();
    const { runner } = await operator(passes);
    await apply('car');
    await isReady('car');
    const before = await stored('car');
    for (let pass = 2; pass < 6; pass += 1) {
      runner.queue.add(`${namespace}/car`, 'edit');
      await eventually(() => passes.count() >= pass);
    }
    expect(await stored('car')).toEqual(before);
  });

  test('is not reconciled again because of what was reported on it', async () => {
    const passes = settledPasses();
    await operator(passes);
    await apply('car');
    await isReady('car');
    await apply('plane');
    await isReady('plane');
    expect(passes.count()).toBe(2);
  });

  test('that its kind’s schema refuses is Stalled with the fault, and can still be deleted', async () => {
    await operator();
    await apply('car');
    await isReady('car');
    await plane.succeed([
      ...['patch', 'toy', 'car', '-n', namespace, '--type=merge'],
      ...['-p', JSON.stringify({ spec: { note: { not: 'text' } } })],
    ]);
    await plane.succeed(['wait', '--for=condition=Stalled', 'toy/car', '-n', namespace, '--timeout=180s']);
    expect((await stored('car')).status?.conditions.map(({ type, reason }) => `${type}/${reason}`)).toEqual([
      'Ready/InvalidSpec',
      'Stalled/InvalidSpec',
    ]);
    await plane.succeed(['delete', 'toy', 'car', '-n', namespace, '--timeout=180s']);
    expect(existsSync(file('car'))).toBe(false);
  });
});

describe('a status that another version wrote', () => {
  const patchStatus = (status: object) =>
    plane.succeed([
      ...['patch', 'toy', 'car', '-n', namespace, '--subresource=status', '--type=merge'],
      ...['-p', JSON.stringify({ status })],
    ]);
  const statusOf = async (): Promise<unknown> =>
    JSON.parse(await plane.succeed(['get', 'toy', 'car', '-n', namespace, '-o', 'jsonpath={.status}']));

  test('keeps what this one does not know, and is not touched where it cannot be read', async () => {
    await operator();
    await apply('car');
    await isReady('car');
    await patchStatus({ wheels: 4, size: '1' });
    await apply('car', { spec: { size: 2 } });
    await eventually(async () => (await stored('car')).status?.conditions[0]?.reason === 'UnreadableStatus');
    expect(await statusOf()).toMatchObject({ wheels: 4, size: '1' });
    expect(await readFile(file('car'), 'utf8')).toBe('1');
    await patchStatus({ size: 1 });
    await isReady('car');
    expect(await statusOf()).toMatchObject({ wheels: 4, size: 2 });
  });
});

describe('deletion', () => {
  test('removes what was made, then our finalizer and no other', async () => {
    await operator();
    await apply('car', { spec: { size: 1 } });
    await isReady('car');
    const others = ['example.com/first', FINALIZER, 'example.com/last'];
    await plane.succeed([
      ...['patch', 'toy', 'car', '-n', namespace, '--type=merge'],
      ...['-p', JSON.stringify({ metadata: { finalizers: others } })],
    ]);
    await plane.succeed(['delete', 'toy', 'car', '-n', namespace, '--wait=false']);
    await eventually(async () => !(await stored('car')).metadata.finalizers.includes(FINALIZER));
    expect(existsSync(file('car'))).toBe(false);
    expect((await stored('car')).metadata.finalizers).toEqual(['example.com/first', 'example.com/last']);
    await plane.succeed([
      ...['patch', 'toy', 'car', '-n', namespace, '--type=merge', '-p', '{"metadata":{"finalizers":null}}'],
    ]);
    await eventually(async () => (await plane.kubectl(['get', 'toy', 'car', '-n', namespace])).code !== 0);
  });
});

describe('several operators', () => {
  test('work one at a time, and the next takes over as soon as the first is stopped', async () => {
    const first = await operator();
    await eventually(() => first.manager.leading);
    const second = await operator({ identity: 'two' });
    await eventually(() => second.manager.ready);
    expect(second.manager.leading).toBe(false);
    expect(second.cluster).toBe(first.cluster);
    await first.stop();
    expect(await first.running).toBe('stopped');
    await apply('car');
    await isReady('car');
    expect(second.manager.leading).toBe(true);
  });

  test('take over from one that was killed', async () => {
    const program = join(import.meta.dirname, 'toy-process.ts');
    const { NODE_OPTIONS: _, ...env } = process.env;
    const child = spawn('node', [program, plane.kubeconfig, folder, namespace, 'killed'], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await apply('car');
    await isReady('car');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await apply('car', { spec: { size: 2 } });
    await apply('plane');
    const next = await operator({ identity: 'next' });
    await Promise.all([isReady('car'), isReady('plane')]);
    expect(next.manager.leading).toBe(true);
    expect(await readFile(file('car'), 'utf8')).toBe('2');
  });
});

test('many requests share few connections', async () => {
  const server = new URL(plane.server);
  const proxy = await tcpProxy(server);
  const { client } = await operator({ kubeconfig: await kubeconfigThrough(proxy, plane.kubeconfig, server) });
  const path = { group: '', version: 'v1', plural: 'configmaps', namespace, name: 'toy-operator' };
  for (let request = 0; request < 200; request += 1) await client.get(path, z.unknown());
  expect(proxy.opened).toBeLessThan(10);
  await operators.pop()?.stop();
  await proxy.close();
});
