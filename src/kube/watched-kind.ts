/** Everything that one kind needs to be watched, read and written. */
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { Kind } from '../api/kind.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ObjectWriter } from '../runtime/controller.ts';
import type { Watcher } from '../runtime/manager.ts';
import type { ObjectStore } from '../runtime/object-store.ts';
import { ObjectCache } from './cache.ts';
import type { KubeClient } from './client.ts';
import { objectStore } from './object-store.ts';
import { objectWriter } from './objects.ts';
import { parserOf, restaterOf, type ResourceOf } from './parse.ts';
import { reflector } from './reflector.ts';
import { ownResource } from './resource.ts';
import { completerOf } from './status.ts';

export interface WatchedKind<Spec extends z.ZodType, Status extends z.ZodType> {
  readonly kind: string;
  /** For controllers of other kinds to read, and the source of changes. */
  readonly cache: ObjectCache<ResourceOf<Spec, Status>>;
  readonly watcher: Watcher;
  /** The engine's port. */
  readonly store: ObjectStore<ResourceOf<Spec, Status>>;
  readonly writer: ObjectWriter<z.input<Spec>>;
}

export interface WatchDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly onWatchRestart: (kind: string) => void;
  /** Each has a watch of its own; absent: one watch of all namespaces. */
  readonly namespaces?: readonly string[] | undefined;
}

export function watchKind<Spec extends z.ZodType, Status extends z.ZodType>(
  kind: Kind<Spec, Status>,
  { namespaces, ...deps }: WatchDeps,
): WatchedKind<Spec, Status> {
  const resource = ownResource(kind);
  const parse = parserOf(kind);
  const cache = new ObjectCache<ResourceOf<Spec, Status>>(namespaces);
  const { client, clock } = deps;
  const watch = (namespace?: string): Watcher =>
    reflector({
      ...deps,
      kind: kind.kind,
      resource: { ...resource, namespace },
      parse,
      cache,
      onRestart: () => deps.onWatchRestart(kind.kind),
    });
  return {
    kind: kind.kind,
    cache,
    watcher: namespaces ? together(kind.kind, namespaces.map(watch)) : watch(),
    store: objectStore({
      resource,
      client,
      cache,
      parse,
      restate: restaterOf(kind),
      complete: completerOf(kind),
      clock,
    }),
    writer: objectWriter(kind, client, cache),
  };
}

/** Several watches that fill one cache. */
const together = (kind: string, watchers: readonly Watcher[]): Watcher => ({
  kind,
  get synced() {
    return watchers.every(({ synced }) => synced);
  },
  get failing() {
    return watchers.some(({ failing }) => failing);
  },
  async whenSynced() {
    await Promise.all(watchers.map((watcher) => watcher.whenSynced()));
  },
  async run(signal) {
    await Promise.all(watchers.map((watcher) => watcher.run(signal)));
  },
});
