/** What the metrics read of the state: the caches, and the connections of the Providers. */
import { KIND_NAMES, type ConnectionPool, type ControllerPorts } from '../../../controllers/index.ts';
import { addStateMetrics, type ProviderState } from '../../telemetry/state-metrics.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { keyOf, type VmIndexes } from './indexes.ts';
import type { Watches } from './watches.ts';

interface Deps {
  readonly watches: Watches;
  readonly indexes: VmIndexes;
  readonly pool: Pick<ConnectionPool, 'get'>;
  readonly privileges: Pick<ControllerPorts['privileges'], 'expiry'>;
  readonly clusterId: string;
  /** Epoch ms. */
  readonly now: () => number;
}

/** Call it before the watches start. */
export function measureState(metrics: Metrics, deps: Deps): void {
  const { watches, indexes, pool, privileges, clusterId, now } = deps;
  const { cache } = watches.Provider;

  function unownedAt(connection: ReturnType<typeof pool.get>): number | undefined {
    const guests = connection?.inventory.view()?.guests;
    if (!guests) return undefined;
    return connection.marks
      .remembered()
      .filter(
        ({ vmid, mark }) =>
          guests.has(vmid) && mark.cluster === clusterId && indexes.uid.keys(mark.uid).length === 0,
      ).length;
  }

  function stateOf(provider: ReturnType<typeof cache.list>[number]): ProviderState {
    const { namespace, name } = provider.metadata;
    const connection = pool.get(namespace, name);
    return {
      provider: keyOf(provider.metadata),
      ready:
        provider.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ===
        true,
      readAt: connection?.inventory.view()?.takenAt,
      unowned: unownedAt(connection),
      credentialsExpireAt: connection && privileges.expiry(connection)?.at,
    };
  }

  addStateMetrics(metrics.registry, {
    kinds: new Map(KIND_NAMES.map((kind) => [kind, watches[kind].cache])),
    vms: watches.VirtualMachine.cache,
    providers: () => cache.list().map(stateOf),
    now,
  });
  cache.onChange((key, _before, after) => {
    if (!after) metrics.forgetProvider(key);
  });
}
