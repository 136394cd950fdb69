import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { z } from 'zod';
import { kubeClient } from '../../../src/kube/client.ts';
import type { Connection } from '../../../src/kube/connection.ts';
import { eventRecorder } from '../../../src/kube/events.ts';
import { EVENTS } from '../../../src/kube/resource.ts';
import { transport } from '../../../src/kube/transport.ts';
import { watchKind } from '../../../src/kube/watched-kind.ts';
import { systemClock as clock } from '../../../src/runtime/clock.ts';
import { seconds } from '../../../src/lib/units.ts';
import { fakeClock } from '../../unit/runtime/fake-clock.ts';
import { describeObjectStore } from '../../unit/runtime/object-store-contract.ts';
import { controlPlane, type TestPlane } from '../harness/control-plane.ts';
import { connectionFrom, type KubeApi, kubeApi } from '../harness/kube-api.ts';
import { installToys, Toy, toy, toyPath } from './toy.ts';

let plane: TestPlane;
let connection: Connection;
let api: KubeApi;
beforeAll(async () => {
  plane = await controlPlane();
  await installToys(plane.succeed);
  connection = await connectionFrom(plane.kubeconfig);
  api = await kubeApi(plane.kubeconfig);
});
afterAll(() => Promise.all([connection.close(), api.close()]));

describeObjectStore('the real API server', () => {
  const log = pino({ enabled: false });
  const client = kubeClient(transport(connection, clock));
  const { store } = watchKind(Toy, {
    client,
    clock,
    random: Math.random,
    log,
    onWatchRestart: () => undefined,
  });
  return {
    store,
    async create() {
      const name = `toy-${randomBytes(4).toString('hex')}`;
      const finalizers = ['example.com/ours'];
      const { metadata, ...rest } = toy(name, plane.namespace);
      await api.apply(toyPath(plane.namespace, name), { ...rest, metadata: { ...metadata, finalizers } });
      const entry = await store.fetch(`${plane.namespace}/${name}`, new AbortController().signal);
      return entry!;
    },
    async label({ metadata }) {
      await api.patch(toyPath(plane.namespace, metadata.name), { metadata: { labels: { seen: 'yes' } } });
    },
    async requestDeletion({ metadata }) {
      await api.remove(toyPath(plane.namespace, metadata.name));
    },
  };
});

test('an event that is repeated is counted in its series, although its object was written meanwhile', async () => {
  const client = kubeClient(transport(connection, clock));
  const [time, log] = [fakeClock(), pino({ enabled: false })];
  const recorder = eventRecorder({ client, clock: time, log, instance: 'pod-1' });
  const { namespace } = plane;
  const metadata = { ...aToyMeta('counted', namespace), resourceVersion: '1' };
  const publish = (resourceVersion: string) => {
    recorder.publish(
      { kind: 'Toy', metadata: { ...metadata, resourceVersion } },
      { type: 'Warning', reason: 'Missing', message: 'm' },
    );
    return recorder.flush();
  };
  await publish('1');
  await time.advance(seconds(60));
  await publish('2');
  const counts: unknown[] = [];
  for await (const { items } of client.list({ ...EVENTS, namespace }, new AbortController().signal))
    for (const item of items) {
      const { reason, series, lastTimestamp, count } = Event.parse(item);
      if (reason === 'Missing') counts.push({ series, lastTimestamp, count });
    }
  // kubectl get events --sort-by=.lastTimestamp, and describe, sort by it.
  expect(counts).toEqual([
    {
      series: { count: 2, lastObservedTime: '2026-03-01T12:01:00.000000Z' },
      lastTimestamp: '2026-03-01T12:01:00Z',
      count: 2,
    },
  ]);
});

const Event = z.looseObject({
  reason: z.string(),
  series: z.unknown(),
  lastTimestamp: z.unknown(),
  count: z.unknown(),
});

const aToyMeta = (name: string, namespace: string) => ({
  name,
  namespace,
  uid: 'uid-of-a-toy',
  generation: 1,
  finalizers: [],
  labels: {},
  annotations: {},
});
