import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { controlPlane, type TestPlane } from '../harness/control-plane.ts';
import { type KubeApi, kubeApi } from '../harness/kube-api.ts';
import { eventually } from './eventually.ts';
import { kubeconfigThrough, tcpProxy } from './tcp-proxy.ts';
import { FINALIZER, installToys, toy, toyOperator, type ToyOperatorOptions, toyPath } from './toy.ts';

const Condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string(),
  observedGeneration: z.int().optional(),
});
const Stored = z.object({
  metadata: z.object({
    resourceVersion: z.string(),
    generation: z.int(),
    finalizers: z.array(z.string()).default([]),
  }),
  status: z
    .looseObject({
      size: z.unknown(),
      observedGeneration: z.int(),
      conditions: z.array(Condition),
    })
    .optional(),
});
type Stored = z.output<typeof Stored>;

type Operator = Awaited<ReturnType<typeof toyOperator>>;

let plane: TestPlane;
let api: KubeApi;
let namespace: string;
let folder: string;
let operators: Operator[];

beforeAll(async () => {
  plane = await controlPlane();
  api = await kubeApi(plane.kubeconfig);
  await installToys(plane.succeed);
});
afterAll(() => api.close());
beforeEach(async () => {
  namespace = await plane.newNamespace('toys');
  folder = await mkdtemp(join(tmpdir(), 'toys-'));
  operators = [];
});
afterEach(async () => {
  await Promise.all(operators.map((operator) => operator.stop()));
  await api.remove(toyPath(namespace));
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

const at = (name: string) => toyPath(namespace, name);
const apply = (name: string, rest?: object) => api.apply(at(name), toy(name, namespace, rest));
const find = async (name: string): Promise<Stored | undefined> => {
  const text = await api.get(at(name));
  return text === undefined ? undefined : Stored.parse(JSON.parse(text));
};
const stored = async (name: string): Promise<Stored> => {
  const found = await find(name);
  if (!found) throw new Error(`there is no Toy ${name}`);
  return found;
};
/** The condition of the object as it is now. */
const isNow = (name: string, type: string) =>
  eventually(async () => {
    const { metadata, status } = await stored(name);
    const condition = status?.conditions.find((each) => each.type === type);
    const seen = condition?.observedGeneration ?? status?.observedGeneration ?? 0;
    return condition?.status === 'True' && seen >= metadata.generation;
  });
const isReady = (name: string) => isNow(name, 'Ready');
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
    await api.patch(at('car'), { spec: { note: { not: 'text' } } });
    await isNow('car', 'Stalled');
    expect((await stored('car')).status?.conditions.map(({ type, reason }) => `${type}/${reason}`)).toEqual([
      'Ready/InvalidSpec',
      'Stalled/InvalidSpec',
    ]);
    await api.remove(at('car'));
    await eventually(async () => (await find('car')) === undefined);
    expect(existsSync(file('car'))).toBe(false);
  });
});

describe('a status that another version wrote', () => {
  const patchStatus = (status: object) => api.patch(`${at('car')}/status`, { status });
  const statusOf = async () => (await stored('car')).status;

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
    await api.patch(at('car'), { metadata: { finalizers: others } });
    await api.remove(at('car'));
    await eventually(async () => !(await stored('car')).metadata.finalizers.includes(FINALIZER));
    expect(existsSync(file('car'))).toBe(false);
    expect((await stored('car')).metadata.finalizers).toEqual(['example.com/first', 'example.com/last']);
    await api.patch(at('car'), { metadata: { finalizers: null } });
    await eventually(async () => (await find('car')) === undefined);
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
