/** Follows the VirtualMachines by one watch, and notes when each came, ran with an address, and went. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { ControlPlane } from '../control-plane/index.ts';
import { VirtualMachine } from '../../src/api/index.ts';
import { kubeClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/kubeconfig.ts';
import { ownResource } from '../../src/kube/resource.ts';
import { transport } from '../../src/kube/transport.ts';
import { systemClock } from '../../src/runtime/clock.ts';

const Seen = z.object({
  metadata: z.object({ name: z.string(), resourceVersion: z.string() }),
  status: z
    .object({ phase: z.string().optional(), ipAddresses: z.array(z.string()).default([]) })
    .default({ ipAddresses: [] }),
});

/** Moments by `performance.now()`. */
export interface Moments {
  created?: number;
  running?: number;
  gone?: number;
}

export interface VmWatch {
  readonly moments: ReadonlyMap<string, Moments>;
  /** Resolves when that is true of every name. */
  until(names: readonly string[], moment: keyof Moments): Promise<void>;
  stop(): Promise<void>;
}

const LONGER_THAN_ANY_RUN_S = 24 * 3600;
/** Between two watches. */
const PAUSE_MS = 50;

export async function watchVms(plane: ControlPlane): Promise<VmWatch> {
  const connection = connect({ file: plane.kubeconfig });
  const client = kubeClient(transport(connection, systemClock));
  const resource = ownResource(VirtualMachine);
  const ending = new AbortController();
  const moments = new Map<string, Moments>();
  const waiting = new Set<() => void>();
  const listed = Promise.withResolvers<undefined>();

  function noteGone(name: string): void {
    const known = moments.get(name);
    if (known) known.gone ??= performance.now();
    for (const look of waiting) look();
  }

  /** Gives the object's name. */
  function take(type: string, object: unknown): string {
    const now = performance.now();
    const { metadata, status } = Seen.parse(object);
    const known = moments.get(metadata.name) ?? {};
    moments.set(metadata.name, known);
    known.created ??= now;
    if (status.phase === 'Running' && status.ipAddresses.length > 0) known.running ??= now;
    if (type === 'DELETED') known.gone ??= now;
    for (const look of waiting) look();
    return metadata.name;
  }

  /** Everything as it is now; what was known and is not there any more has gone. */
  async function list(): Promise<string> {
    const missing = new Set(moments.keys());
    let from = '0';
    for await (const { items, metadata } of client.list(resource, ending.signal)) {
      from = metadata.resourceVersion;
      for (const item of items) missing.delete(take('LISTED', item));
    }
    for (const name of missing) noteGone(name);
    return from;
  }

  async function follow(): Promise<void> {
    const from = { resourceVersion: await list(), timeoutSeconds: LONGER_THAN_ANY_RUN_S };
    listed.resolve(undefined);
    for await (const { type, object } of client.watch(resource, from, ending.signal)) {
      if (type === 'ERROR') return;
      if (type !== 'BOOKMARK') take(type, object);
    }
  }

  // The API server ends a watch whose reader is too slow, and this process is also the fake Proxmox VE.
  const following = (async () => {
    while (!ending.signal.aborted) {
      await follow().catch(listed.reject); // without a first list there is nothing to measure
      await sleep(PAUSE_MS);
    }
  })();
  await listed.promise;

  return {
    moments,
    until: (names, moment) =>
      new Promise((resolve) => {
        const missing = new Set(names);
        const look = (): void => {
          for (const name of missing) if (moments.get(name)?.[moment] !== undefined) missing.delete(name);
          if (missing.size > 0) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    async stop() {
      ending.abort();
      await following;
      await connection.close();
    },
  };
}
