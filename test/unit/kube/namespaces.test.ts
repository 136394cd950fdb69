/** Labels of Namespaces: known once they are needed, and news only when they change. */
import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { KubeClient, WatchEvent } from '../../../src/kube/client.ts';
import { watchNamespaces } from '../../../src/kube/namespaces.ts';
import { fakeClock, settle } from '../runtime/fake-clock.ts';

const named = (name: string, version: number, labels?: Readonly<Record<string, string>>) => ({
  kind: 'Namespace',
  metadata: { name, uid: name, resourceVersion: String(version), labels },
  spec: { finalizers: ['kubernetes'] },
  status: { phase: 'Active' },
});

const annotated = (
  name: string,
  annotations: Readonly<Record<string, string>>,
  labels?: Readonly<Record<string, string>>,
) => {
  const { metadata, ...rest } = named(name, 9, labels);
  return { ...rest, metadata: { ...metadata, annotations } };
};

function watching(...events: readonly WatchEvent[]) {
  const asked: string[] = [];
  const client = {
    async *list({ plural }: { readonly plural: string }) {
      asked.push(`list ${plural}`);
      await Promise.resolve();
      yield {
        metadata: { resourceVersion: '2' },
        items: [named('team-a', 1, { team: 'a' }), named('plain', 2)],
      };
    },
    async *watch(_resource: unknown, _options: unknown, signal: AbortSignal) {
      asked.push('watch');
      yield* events;
      await new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(new Error('aborted'))),
      );
    },
  } as unknown as KubeClient;
  const watched = watchNamespaces({
    client,
    clock: fakeClock(),
    random: () => 0.5,
    log: pino({ enabled: false }),
    onWatchRestart: () => undefined,
  });
  const news: string[] = [];
  watched.onChange((name) => news.push(name));
  return { watched, news, asked };
}

test('nothing is read until somebody needs it, and then it is read once', async () => {
  const { watched, asked } = watching();
  const ending = new AbortController();
  expect(asked).toEqual([]);
  expect(watched.labelsOf('team-a')).toBeUndefined();
  watched.start(ending.signal);
  watched.start(ending.signal);
  await settle();
  expect(asked).toEqual(['list namespaces', 'watch']);
  expect(watched.labelsOf('team-a')).toEqual({ team: 'a' });
  expect(watched.labelsOf('plain')).toEqual({});
  expect(watched.labelsOf('missing')).toBeUndefined();
  ending.abort();
});

test('a change of labels is news at once, and a change of anything else is none', async () => {
  const { watched, news } = watching(
    { type: 'MODIFIED', object: named('team-a', 3, { team: 'a' }) },
    { type: 'MODIFIED', object: named('plain', 4, { team: 'b' }) },
    { type: 'ADDED', object: named('late', 5) },
    { type: 'DELETED', object: named('plain', 6, { team: 'b' }) },
  );
  const ending = new AbortController();
  watched.start(ending.signal);
  await settle();
  expect(news).toEqual(['team-a', 'plain', 'plain', 'late', 'plain']);
  expect(watched.labelsOf('plain')).toBeUndefined();
  ending.abort();
});

test('a change of our annotations is news, and a change of others is none', async () => {
  const labels = { team: 'a' };
  const { watched, news } = watching(
    { type: 'MODIFIED', object: annotated('plain', { 'virtrigaud.io/allow-from': 'team-a' }) },
    { type: 'MODIFIED', object: annotated('team-a', { 'example.com/a': 'b' }, labels) },
  );
  const ending = new AbortController();
  expect([watched.synced, watched.annotationsOf('plain')]).toEqual([false, undefined]);
  watched.start(ending.signal);
  await settle();
  expect(watched.synced).toBe(true);
  expect(watched.annotationsOf('plain')).toEqual({ 'virtrigaud.io/allow-from': 'team-a' });
  expect(watched.annotationsOf('team-a')).toEqual({});
  expect(watched.annotationsOf('missing')).toBeUndefined();
  expect(news).toEqual(['team-a', 'plain', 'plain']);
  ending.abort();
});
