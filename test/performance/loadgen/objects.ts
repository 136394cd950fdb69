/** Objects of one kind in one namespace: written by requests, and followed by one watch. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { kubeClient } from '../../../src/kube/client.ts';
import type { Connection } from '../../../src/kube/connection.ts';
import { ownResource, urlPath } from '../../../src/kube/resource.ts';
import { transport } from '../../../src/kube/transport.ts';
import { API_VERSION } from '../../../src/api/group.ts';
import { systemClock } from '../../../src/runtime/clock.ts';

const Condition = z.object({
  type: z.string(),
  status: z.string(),
  message: z.string().default(''),
  observedGeneration: z.number().optional(),
});
const Seen = z.object({
  metadata: z.object({
    name: z.string(),
    generation: z.number().default(0),
    resourceVersion: z.string(),
    labels: z.record(z.string(), z.string()).default({}),
  }),
  spec: z.looseObject({ powerState: z.string().optional() }),
  status: z
    .looseObject({
      vmid: z.number().optional(),
      node: z.string().optional(),
      powerState: z.string().optional(),
      ipAddresses: z.array(z.string()).default([]),
      readyToUse: z.boolean().optional(),
      conditions: z.array(Condition).default([]),
    })
    .prefault({}),
});
export type Seen = z.output<typeof Seen>;

/** The spec, as it is now, is fulfilled. */
export const isReady = ({ metadata, status }: Seen): boolean =>
  status.conditions.some(
    ({ type, status: is, observedGeneration }) =>
      type === 'Ready' && is === 'True' && observedGeneration === metadata.generation,
  );

export interface Objects {
  create(name: string, spec: object): Promise<void>;
  /** A merge patch of the spec. */
  patch(name: string, spec: object): Promise<void>;
  remove(name: string): Promise<void>;
  all(): readonly Seen[];
  get(name: string): Seen | undefined;
  /** The moment at which that was true of the object, by `performance.now()`. `undefined` is an object that is gone. */
  until(name: string, is: (object: Seen | undefined) => boolean, timeoutMs: number): Promise<number>;
  stop(): Promise<void>;
}

export interface ObjectsOptions {
  readonly connection: Connection;
  readonly kind: { readonly kind: string; readonly plural: string };
  readonly namespace: string;
  /** Of the objects that are created. */
  readonly labels: Readonly<Record<string, string>>;
}

const WATCH_S = 3600;
const PAUSE_MS = 50;

/** Resolves once all objects have been listed. */
export async function followed({ connection, kind, namespace, labels }: ObjectsOptions): Promise<Objects> {
  const to = transport(connection, systemClock);
  const client = kubeClient(to);
  const resource = { ...ownResource(kind), namespace };
  const ending = new AbortController();
  const known = new Map<string, Seen>();
  const waiting = new Set<(now: number) => void>();
  const listed = Promise.withResolvers<undefined>();

  const lookAll = (): void => {
    const now = performance.now();
    for (const look of waiting) look(now);
  };

  async function follow(): Promise<void> {
    const before = new Set(known.keys());
    let from = '0';
    for await (const { items, metadata } of client.list(resource, ending.signal)) {
      from = metadata.resourceVersion;
      for (const object of z.array(Seen).parse(items)) {
        before.delete(object.metadata.name);
        known.set(object.metadata.name, object);
      }
    }
    for (const name of before) known.delete(name);
    lookAll();
    listed.resolve(undefined);
    const since = { resourceVersion: from, timeoutSeconds: WATCH_S };
    for await (const { type, object } of client.watch(resource, since, ending.signal)) {
      if (type === 'ERROR') return;
      if (type === 'BOOKMARK') continue;
      const seen = Seen.parse(object);
      if (type === 'DELETED') known.delete(seen.metadata.name);
      else known.set(seen.metadata.name, seen);
      lookAll();
    }
  }

  const following = (async () => {
    while (!ending.signal.aborted) {
      await follow().catch(listed.reject); // later failures end in a list that is read again
      await sleep(PAUSE_MS);
    }
  })();
  await listed.promise;

  return {
    async create(name, spec) {
      const body = { apiVersion: API_VERSION, kind: kind.kind, metadata: { namespace, name, labels }, spec };
      await client.create(resource, body, z.unknown());
    },
    async patch(name, spec) {
      const path = urlPath({ ...resource, name });
      await to.send({ method: 'PATCH', path, body: { spec }, contentType: 'application/merge-patch+json' });
    },
    remove: (name) => client.delete({ ...resource, name }),
    all: () => [...known.values()],
    get: (name) => known.get(name),
    until: (name, is, timeoutMs) =>
      new Promise((resolve, reject) => {
        const end = (): void => {
          clearTimeout(timer);
          waiting.delete(look);
        };
        const look = (now: number): void => {
          if (!is(known.get(name))) return;
          end();
          resolve(now);
        };
        const timer = setTimeout(() => {
          end();
          reject(new Error(`${kind.kind} ${name}: ${stateOf(known.get(name))} after ${timeoutMs / 1000} s`));
        }, timeoutMs);
        waiting.add(look);
        look(performance.now());
      }),
    async stop() {
      ending.abort();
      await following;
    },
  };
}

function stateOf(object: Seen | undefined): string {
  if (!object) return 'it does not exist';
  const ready = object.status.conditions.find(({ type }) => type === 'Ready');
  return ready ? `Ready=${ready.status}, ${ready.message}` : 'it has no condition Ready';
}
