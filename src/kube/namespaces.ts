/** The labels and annotations of Namespaces, watched from the first moment that somebody needs them. */
import { z } from 'zod';
import type { Resource } from '../runtime/controller.ts';
import type { Entry } from '../runtime/object-store.ts';
import { ObjectCache } from './cache.ts';
import { Metadata } from './parse.ts';
import { reflector } from './reflector.ts';
import { apiVersionOf, NAMESPACES } from './resource.ts';
import type { WatchDeps } from './watched-kind.ts';

type Texts = Readonly<Record<string, string>>;

export interface WatchedNamespaces {
  /** `undefined`: not known, because the watch is new, or the Namespace is newer than what it has shown. */
  labelsOf(namespace: string): Texts | undefined;
  /** Ours only; `undefined` as above. */
  annotationsOf(namespace: string): Texts | undefined;
  /** Once only; the watch retries until the signal is aborted. */
  start(signal: AbortSignal): void;
  readonly started: boolean;
  /** All Namespaces were read once. */
  readonly synced: boolean;
  /** The labels or our annotations of this Namespace are known for the first time, or have changed, or it is gone. */
  onChange(listener: (namespace: string) => void): void;
}

const KIND = 'Namespace';

const Raw = z.object({ metadata: Metadata });

/** Of a Namespace nothing but its metadata matters. */
function parse(raw: unknown): Entry<Resource> {
  const { metadata } = Raw.parse(raw);
  const object = { apiVersion: apiVersionOf(NAMESPACES), kind: KIND, metadata, spec: {} };
  return { key: `${metadata.namespace}/${metadata.name}`, metadata, object, partial: object, conditions: [] };
}

export function watchNamespaces({ onWatchRestart, namespaces: _all, ...deps }: WatchDeps): WatchedNamespaces {
  const cache = new ObjectCache<Resource>();
  const watcher = reflector({
    ...deps,
    kind: KIND,
    resource: NAMESPACES,
    parse,
    cache,
    onRestart: () => onWatchRestart(KIND),
  });
  let started = false;
  return {
    labelsOf: (namespace) => cache.get('', namespace)?.metadata.labels,
    annotationsOf: (namespace) => cache.get('', namespace)?.metadata.annotations,
    start(signal) {
      if (started) return;
      started = true;
      void watcher.run(signal);
    },
    get started() {
      return started;
    },
    get synced() {
      return watcher.synced;
    },
    onChange(listener) {
      cache.onChange((_key, before, after) => {
        const [was, is] = [before, after].map(textsOf);
        const name = (after ?? before)?.metadata.name;
        if (was !== is && name !== undefined) listener(name);
      });
    },
  };
}

const textsOf = (entry: Entry<Resource> | undefined): string =>
  JSON.stringify(entry && [entry.metadata.labels, entry.metadata.annotations]);
