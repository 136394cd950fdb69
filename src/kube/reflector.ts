/**
 * Keeps a cache equal to the API server: list once, then watch from there. Whatever fails (a closed
 * connection, a restarted server, a version that is no longer kept), it begins again; only its signal ends it.
 */
import type { Logger } from 'pino';
import { z } from 'zod';
import { millis, minutes, seconds, type Millis } from '../lib/units.ts';
import { sleep, type Clock } from '../runtime/clock.ts';
import type { Resource } from '../runtime/controller.ts';
import type { Entry } from '../runtime/object-store.ts';
import type { Watcher } from '../runtime/manager.ts';
import type { ObjectCache } from './cache.ts';
import type { KubeClient, WatchEvent } from './client.ts';
import { isExpired, KubeError } from './errors.ts';
import type { Parse } from './parse.ts';
import type { ApiCollection } from './resource.ts';

export interface ReflectorOptions<O extends Resource> {
  readonly kind: string;
  /** With a namespace: only that part of the cache is kept. */
  readonly resource: ApiCollection;
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  readonly parse: Parse<O>;
  readonly cache: ObjectCache<O>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Called whenever a watch ends, however it ended. */
  readonly onRestart: () => void;
}

/** The server sends a bookmark about once a minute, so silence for this long is a dead connection. */
const STALLED = minutes(3);
/** Watches end between these, each at its own time, so that several replicas and kinds do not all come back at once. */
const WATCH_SECONDS = { least: 290, most: 590 };
const BACKOFF = { first: millis(800), most: seconds(30) };
/** A watch that lived shorter than this counts as a failure, even if it was closed politely. */
const HEALTHY = seconds(5);
/** A watch that cannot be established for this long is a failure that others should see: `/readyz` says so. */
const FAILING_AFTER = seconds(15);

const Versioned = z.object({
  metadata: z.object({
    resourceVersion: z.string(),
    namespace: z.string().default(''),
    name: z.string().default(''),
  }),
});
const Problem = z.object({
  code: z.int().default(0),
  reason: z.string().default('Unknown'),
  message: z.string().default('the watch was ended with an error'),
});

export function reflector<O extends Resource>(options: ReflectorOptions<O>): Watcher {
  const { kind, resource, client, parse, cache, clock, random, log } = options;
  const scope = resource.namespace === undefined ? {} : { namespace: resource.namespace };
  const synced = Promise.withResolvers<undefined>();
  let isSynced = false;
  /** Where the next watch begins; `undefined` when everything must be read again. */
  let position: string | undefined;
  let failures = 0;
  /** When the API server accepted the watch that runs now. */
  let openSince: Millis | undefined;
  /** When the cache was known to be up to date last. */
  let currentAt = clock.monotonic();

  const lived = (): number => (openSince === undefined ? 0 : clock.monotonic() - openSince);
  const isCurrent = (): void => void (currentAt = clock.monotonic());

  async function readAll(signal: AbortSignal): Promise<string> {
    const entries: Entry<O>[] = [];
    let resourceVersion = '';
    for await (const page of client.list(resource, signal)) {
      entries.push(...page.items.map(parse));
      ({ resourceVersion } = page.metadata);
    }
    cache.replaceAll(entries, resourceVersion, resource.namespace);
    isSynced = true;
    isCurrent();
    synced.resolve(undefined);
    log.debug({ kind, ...scope, count: entries.length }, 'listed');
    return resourceVersion;
  }

  function take({ type, object }: WatchEvent): string {
    if (type === 'ERROR') {
      const { code, reason, message } = Problem.parse(object);
      throw new KubeError({ status: code, reason, message });
    }
    const { resourceVersion, namespace, name } = Versioned.parse(object).metadata;
    const known = cache.entry(`${namespace}/${name}`)?.metadata.resourceVersion;
    // What we wrote ourselves comes back by the watch: it is not read twice.
    if (type === 'BOOKMARK' || (type !== 'DELETED' && known === resourceVersion))
      cache.advance(resourceVersion, resource.namespace);
    else if (type === 'DELETED') cache.remove(parse(object).key, resourceVersion);
    else cache.put(parse(object));
    return resourceVersion;
  }

  async function follow(from: string, signal: AbortSignal): Promise<void> {
    const ending = new AbortController();
    const end = (): void => ending.abort();
    signal.addEventListener('abort', end, { once: true });
    const { least, most } = WATCH_SECONDS;
    const timeoutSeconds = least + Math.floor(random() * (most - least + 1));
    let cancelStall = clock.after(STALLED, end);
    try {
      for await (const event of client.watch(
        resource,
        { resourceVersion: from, timeoutSeconds, onOpen: () => (openSince = clock.monotonic()) },
        ending.signal,
      )) {
        position = take(event);
        isCurrent();
        cancelStall();
        cancelStall = clock.after(STALLED, end);
      }
    } finally {
      cancelStall();
      signal.removeEventListener('abort', end);
    }
  }

  /** One list if needed and one watch; the answer is how long to pause before the next. */
  async function round(signal: AbortSignal): Promise<Millis> {
    let isWatch = false;
    let asked = millis(0);
    try {
      position ??= await readAll(signal);
      isWatch = true;
      await follow(position, signal);
      log.debug({ kind, ...scope }, 'watch ended');
    } catch (error) {
      if (signal.aborted) return millis(0);
      if (isExpired(error)) position = undefined;
      if (error instanceof KubeError) asked = seconds(error.retryAfterSeconds ?? 0);
      log.warn({ err: error, kind, ...scope, attempt: failures + 1 }, meaningOf(error));
    }
    if (isWatch) options.onRestart();
    if (lived() >= HEALTHY) isCurrent();
    failures = lived() >= HEALTHY ? 0 : failures + 1;
    openSince = undefined;
    const longest = failures === 0 ? 0 : Math.min(BACKOFF.most, BACKOFF.first * 2 ** (failures - 1));
    return millis(Math.max(asked, longest * (0.5 + random() / 2)));
  }

  return {
    kind,
    get synced() {
      return isSynced;
    },
    get failing() {
      return lived() < HEALTHY && clock.monotonic() - currentAt >= FAILING_AFTER;
    },
    whenSynced: () => synced.promise,
    async run(signal) {
      while (!signal.aborted) await sleep(clock, await round(signal), signal);
    },
  };
}

/** Two causes last until a person fixes them, and are worth naming. */
function meaningOf(error: unknown): string {
  const status = error instanceof KubeError ? error.status : 0;
  if (status === 404) return 'this kind is not installed: apply the CRDs';
  if (status === 401 || status === 403) return 'this kind may not be watched: apply the role of the operator';
  return 'watch interrupted';
}
