/** Follows the VirtualMachines by one watch, and notes when each came, ran with an address, and went. */
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

export async function watchVms(plane: ControlPlane): Promise<VmWatch> {
  const connection = connect({ file: plane.kubeconfig });
  const client = kubeClient(transport(connection, systemClock));
  const resource = ownResource(VirtualMachine);
  const ending = new AbortController();
  const moments = new Map<string, Moments>();
  const waiting = new Set<() => void>();

  let resourceVersion = '0';
  for await (const page of client.list(resource, ending.signal)) ({ resourceVersion } = page.metadata);

  function take(type: string, object: unknown): void {
    const now = performance.now();
    const { metadata, status } = Seen.parse(object);
    const known = moments.get(metadata.name) ?? {};
    moments.set(metadata.name, known);
    known.created ??= now;
    if (status.phase === 'Running' && status.ipAddresses.length > 0) known.running ??= now;
    if (type === 'DELETED') known.gone ??= now;
    for (const look of waiting) look();
  }

  const following = (async () => {
    const from = { resourceVersion, timeoutSeconds: LONGER_THAN_ANY_RUN_S };
    for await (const { type, object } of client.watch(resource, from, ending.signal))
      if (type !== 'BOOKMARK') take(type, object);
  })().catch((error: unknown) => {
    if (!ending.signal.aborted) throw error;
  });

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
