import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { minutes, seconds } from '../../../src/lib/units.ts';
import { ObjectCache } from '../../../src/kube/cache.ts';
import type { KubeClient, Page, WatchEvent } from '../../../src/kube/client.ts';
import { KubeError } from '../../../src/kube/errors.ts';
import { reflector } from '../../../src/kube/reflector.ts';
import { fakeClock, settle } from '../runtime/fake-clock.ts';
import { parse, rawThing, type Thing } from './things.ts';

/** What the server does with one watch: sends events, then keeps silent, closes or breaks. */
interface Script {
  readonly events?: readonly WatchEvent[];
  readonly then: 'silence' | 'close' | Error;
  /** It is not even accepted. */
  readonly unopened?: true;
}

const page = (version: number, names: readonly string[] = []): Page => ({
  metadata: { resourceVersion: String(version) },
  items: names.map((name, index) => rawThing(name, index + 1)),
});
const event = (type: WatchEvent['type'], object: unknown): WatchEvent => ({ type, object });
const bookmark = (version: number) => event('BOOKMARK', { metadata: { resourceVersion: String(version) } });
const refused = (status: number, retryAfterSeconds?: number) =>
  new KubeError({ status, reason: 'Refused', message: 'no', retryAfterSeconds });

function aServer(lists: readonly (readonly Page[] | Error)[], watches: readonly Script[]) {
  const clock = fakeClock();
  const asked: string[] = [];
  const at: number[] = [];
  const left = { lists: [...lists], watches: [...watches] };
  const untilAborted = (signal: AbortSignal) =>
    new Promise<never>((_resolve, reject) => {
      if (signal.aborted) reject(new Error('aborted'));
      signal.addEventListener('abort', () => reject(new Error('aborted')));
    });
  const client: Pick<KubeClient, 'list' | 'watch'> = {
    async *list() {
      asked.push('list');
      at.push(clock.monotonic());
      const next = left.lists.shift() ?? [page(1)];
      await Promise.resolve();
      if (next instanceof Error) throw next;
      yield* next;
    },
    async *watch(_resource, { resourceVersion, timeoutSeconds, onOpen }, signal) {
      asked.push(`watch ${resourceVersion}`);
      at.push(clock.monotonic());
      expect(timeoutSeconds).toBeGreaterThanOrEqual(290);
      expect(timeoutSeconds).toBeLessThanOrEqual(590);
      const { events = [], then, unopened } = left.watches.shift() ?? { then: 'silence' };
      if (!unopened) onOpen?.();
      yield* events;
      if (then === 'silence') await untilAborted(signal);
      if (then instanceof Error) throw then;
    },
  };
  const cache = new ObjectCache<Thing>();
  let restarts = 0;
  const watcher = reflector({
    kind: 'Thing',
    resource: { group: 'g', version: 'v1', plural: 'things' },
    client,
    parse,
    cache,
    clock,
    random: () => 0.5,
    log: pino({ enabled: false }),
    onRestart: () => (restarts += 1),
  });
  const stopping = new AbortController();
  const running = watcher.run(stopping.signal);
  return {
    clock,
    asked,
    at,
    cache,
    watcher,
    restarts: () => restarts,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

describe('a reflector', () => {
  test('lists all pages, then watches from there', async () => {
    const server = aServer([[page(7, ['a']), page(7, ['b', 'c'])]], [{ then: 'silence' }]);
    expect(server.watcher.synced).toBe(false);
    await server.watcher.whenSynced();
    await settle();
    expect(server.asked).toEqual(['list', 'watch 7']);
    expect(server.cache.keys()).toEqual(['ns/a', 'ns/b', 'ns/c']);
    await server.stop();
  });

  test('follows what is added, changed and deleted, and continues from a bookmark', async () => {
    const events = [
      event('ADDED', rawThing('b', 8)),
      event('MODIFIED', rawThing('a', 9, { spec: { size: 2 } })),
      event('DELETED', rawThing('b', 10)),
      bookmark(40),
    ];
    const server = aServer([[page(7, ['a'])]], [{ events, then: 'close' }]);
    await server.clock.advance(seconds(2));
    expect(server.cache.list().map(({ metadata, spec }) => [metadata.name, spec.size])).toEqual([['a', 2]]);
    expect(server.asked).toEqual(['list', 'watch 7', 'watch 40']);
    expect(server.restarts()).toBe(1);
    await server.stop();
  });

  test.each([
    ['as an answer', { then: refused(410) }],
    [
      'as an event',
      { events: [event('ERROR', { code: 410, reason: 'Expired', message: 'too old' })], then: 'close' },
    ],
  ] satisfies [string, Script][])(
    'lists again when its place is no longer kept, by %s',
    async (_name, script) => {
      const server = aServer([[page(7, ['a'])], [page(50, ['b'])]], [script]);
      await server.clock.advance(seconds(2));
      expect(server.asked).toEqual(['list', 'watch 7', 'list', 'watch 50']);
      expect(server.cache.keys()).toEqual(['ns/b']);
      await server.stop();
    },
  );

  test('continues from its resource version after any other error', async () => {
    const broken = new Error('socket hang up');
    const server = aServer([[page(7)]], [{ events: [bookmark(9)], then: broken }, { then: refused(429) }]);
    await server.clock.advance(seconds(5));
    expect(server.asked).toEqual(['list', 'watch 7', 'watch 9', 'watch 9']);
    await server.stop();
  });

  test('keeps retrying a server that is away, at increasing intervals', async () => {
    const server = aServer(
      Array.from({ length: 12 }, () => refused(503)),
      [],
    );
    await server.clock.advance(minutes(10));
    expect(server.watcher.synced).toBe(true);
    const gaps = server.at.slice(1, 12).map((time, index) => time - server.at[index]!);
    // Three quarters of 0.8 s, doubled each time up to 30 s, for this randomness.
    expect(gaps).toEqual([600, 1200, 2400, 4800, 9600, 19_200, 22_500, 22_500, 22_500, 22_500, 22_500]);
    await server.stop();
  });

  test('leaves the server alone for as long as it asks', async () => {
    const server = aServer([refused(429, 20)], []);
    await server.clock.advance(seconds(19));
    expect(server.asked).toEqual(['list']);
    await server.clock.advance(seconds(2));
    expect(server.asked).toEqual(['list', 'list', 'watch 1']);
    await server.stop();
  });

  test('does not spin on a watch that is politely closed at once', async () => {
    const closes = Array.from({ length: 100 }, (): Script => ({ events: [bookmark(9)], then: 'close' }));
    const server = aServer([[page(7)]], closes);
    await server.clock.advance(minutes(1));
    expect(server.asked.length).toBeLessThan(12);
    await server.stop();
  });

  test('begins again at once after a watch that lived', async () => {
    const server = aServer([[page(7)]], []);
    await server.clock.advance(minutes(2));
    expect(server.asked).toEqual(['list', 'watch 7']);
    await server.clock.advance(minutes(2)); // silent for too long, without even a bookmark
    expect(server.asked).toEqual(['list', 'watch 7', 'watch 7']);
    expect(server.at[2]).toBe(minutes(3));
    await server.stop();
  });

  test('is failing while its watch cannot be established, and no longer once one lives', async () => {
    const away: Script = { then: refused(503), unopened: true };
    const server = aServer([[page(7)]], [{ then: refused(503) }, ...Array.from({ length: 6 }, () => away)]);
    const failing: boolean[] = [];
    for (let second = 0; second < 90; second += 1) {
      await server.clock.advance(seconds(1));
      failing.push(server.watcher.failing);
    }
    expect(server.watcher.synced).toBe(true);
    expect(failing.slice(0, 14)).not.toContain(true); // a restart of the API server takes as long
    expect(failing.slice(15, 40)).not.toContain(false);
    expect(failing.at(-1)).toBe(false);
    await server.stop();
  });

  test.each([
    ['is silent', {}],
    ['ends and begins again', { then: 'close' as const }],
  ])('is not failing while its watch %s', async (_what, script) => {
    const server = aServer([[page(7)]], [{ then: 'silence', ...script }]);
    for (let minute = 0; minute < 10; minute += 1) {
      await server.clock.advance(minutes(1));
      expect(server.watcher.failing).toBe(false);
    }
    await server.stop();
  });

  test('is failing while the API server accepts connections and answers nothing', async () => {
    const hangs: Script = { then: 'silence', unopened: true };
    const server = aServer([[page(7)]], [hangs, hangs]);
    await server.clock.advance(minutes(1));
    expect(server.watcher.failing).toBe(true);
    await server.stop();
  });

  test('ends with its signal, wherever it is', async () => {
    const waiting = aServer([refused(503)], []);
    await settle();
    await waiting.stop();
    const watching = aServer([[page(1)]], []);
    await settle();
    await watching.stop();
    expect(watching.clock.pending + waiting.clock.pending).toBe(0);
  });
});
