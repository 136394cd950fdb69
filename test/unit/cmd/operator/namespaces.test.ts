/** Namespaces are watched for the objects that need them, and these get a pass when one changes. */
import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { VMClone } from '../../../../src/api/index.ts';
import { createNamespaces } from '../../../../src/cmd/operator/namespaces.ts';
import type { KubeClient, WatchEvent } from '../../../../src/kube/client.ts';
import type { ChangeListener, Entry } from '../../../../src/runtime/object-store.ts';
import { aClone, type CloneChange } from '../../../builders/objects.ts';
import { fakeClock, settle } from '../../runtime/fake-clock.ts';

const ALLOWED = { 'virtrigaud.io/allow-from': 'default' };

const namespace = (name: string, version: number, annotations: Readonly<Record<string, string>> = {}) => ({
  metadata: { name, uid: name, resourceVersion: String(version), annotations },
});

const entryOf = (change: CloneChange): Entry<VMClone> => {
  const object = aClone(change);
  const key = `${object.metadata.namespace}/${object.metadata.name}`;
  return { key, metadata: object.metadata, object, partial: object, conditions: [] };
};

function operator(only?: readonly string[]) {
  const asked: string[] = [];
  let lists = 0;
  const changes: WatchEvent[] = [];
  let wake = (): void => undefined;
  const client = {
    async *list() {
      lists += 1;
      await Promise.resolve();
      yield { metadata: { resourceVersion: '2' }, items: [namespace('team-b', 1)] };
    },
    async *watch(_resource: unknown, _options: unknown, signal: AbortSignal) {
      while (!signal.aborted) {
        yield* changes.splice(0);
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal.addEventListener('abort', () => resolve());
        });
      }
    },
  } as unknown as KubeClient;
  const listeners: ChangeListener<VMClone>[] = [];
  const quiet = { onChange: () => undefined, keys: () => [] };
  const parts = createNamespaces(
    {
      client,
      clock: fakeClock(),
      random: () => 0.5,
      log: pino({ enabled: false }),
      onWatchRestart: () => undefined,
      namespaces: only,
    },
    {
      watches: {
        Provider: { cache: quiet },
        VMImage: { cache: quiet },
        VMPlacementPolicy: { cache: quiet },
        VMClone: { cache: { onChange: (listener: ChangeListener<VMClone>) => listeners.push(listener) } },
      } as never,
      indexes: {
        namespace: { objects: () => [], keys: () => [] },
        unmade: { objects: () => [], keys: () => [] },
      },
      changes: { relabelled: () => undefined },
      ask: (kind, keys) => asked.push(...[...keys].map((key) => `${kind} ${key}`)),
    },
  );
  return {
    ...parts,
    asked,
    lists: () => lists,
    clone: (is: CloneChange) => {
      const entry = entryOf(is);
      for (const listener of listeners) listener(entry.key, undefined, entry);
    },
    change: async (event: WatchEvent) => {
      changes.push(event);
      wake();
      await settle();
    },
  };
}

const crossing = { spec: { target: { namespace: 'team-b' } } };

test('for a VMClone into another namespace, until its copy exists', async () => {
  const { annotationsOf, asked, lists, clone, change, stop } = operator();
  clone({ spec: { target: { namespace: 'default' } } });
  await settle();
  expect(lists()).toBe(0);
  expect(annotationsOf('team-b')).toBe('unread');
  clone(crossing);
  await settle();
  expect(lists()).toBe(1);
  expect([annotationsOf('team-b'), annotationsOf('team-c')]).toEqual([{}, 'absent']);
  expect(asked).toEqual(['VMClone default/web-clone']);
  await change({ type: 'MODIFIED', object: namespace('team-b', 3, ALLOWED) });
  expect(annotationsOf('team-b')).toEqual(ALLOWED);
  expect(asked).toHaveLength(2);
  clone({ ...crossing, status: { targetUID: 'x', targetRef: { namespace: 'team-b', name: 'web-clone' } } });
  await change({ type: 'MODIFIED', object: namespace('team-b', 4) });
  expect(asked).toHaveLength(2);
  stop();
});

test('not where single namespaces are watched', async () => {
  const { annotationsOf, lists, clone, stop } = operator(['default']);
  clone(crossing);
  await settle();
  expect(lists()).toBe(0);
  expect(annotationsOf('team-b')).toBe('unavailable');
  stop();
});
