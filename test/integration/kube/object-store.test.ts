import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll } from '@jest/globals';
import { pino } from 'pino';
import { kubeClient } from '../../../src/kube/client.ts';
import type { Connection } from '../../../src/kube/connection.ts';
import { transport } from '../../../src/kube/transport.ts';
import { watchKind } from '../../../src/kube/watched-kind.ts';
import { systemClock as clock } from '../../../src/runtime/clock.ts';
import { describeObjectStore } from '../../unit/runtime/object-store-contract.ts';
import { controlPlane, type TestPlane } from '../harness/control-plane.ts';
import { connectionFrom } from '../harness/kube-api.ts';
import { aToy, installToys, Toy } from './toy.ts';

let plane: TestPlane;
let connection: Connection;
beforeAll(async () => {
  plane = await controlPlane();
  await installToys(plane.succeed);
  connection = await connectionFrom(plane.kubeconfig);
});
afterAll(() => connection.close());

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
  const patch = ['--type=merge', '-p'];
  return {
    store,
    async create() {
      const name = `toy-${randomBytes(4).toString('hex')}`;
      const input = aToy(name, plane.namespace, { spec: { size: 1 } });
      await plane.succeed(['create', '-f', '-'], { input });
      await plane.succeed([
        'patch',
        'toy',
        name,
        ...patch,
        '{"metadata":{"finalizers":["example.com/ours"]}}',
      ]);
      const entry = await store.fetch(`${plane.namespace}/${name}`, new AbortController().signal);
      return entry!;
    },
    async label({ metadata }) {
      await plane.succeed(['label', 'toy', metadata.name, 'seen=yes']);
    },
    async requestDeletion({ metadata }) {
      await plane.succeed(['delete', 'toy', metadata.name, '--wait=false']);
    },
  };
});
