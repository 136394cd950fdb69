/** The connections to Proxmox VE, and the passes that news from there asks for. */
import {
  createConnectionPool,
  type ConnectionPool,
  type ConnectionPoolOptions,
} from '../../../controllers/index.ts';
import { millis, type Millis } from '../../lib/units.ts';
import type { PassReason } from '../../runtime/pass-reason.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { claimedVmids, keyOf, providerOf, type SnapshotIndexes, type VmIndexes } from './indexes.ts';
import type { AskForPass } from './queues.ts';
import type { Watches } from './watches.ts';

export interface ConnectionSettings {
  readonly inventoryInterval?: Millis;
  /** How tasks of Proxmox VE are waited for; absent: the defaults. */
  readonly tasks?: { readonly maxGap: Millis; readonly overdueAfter: Millis };
}

interface Deps {
  readonly watches: Watches;
  readonly indexes: VmIndexes;
  readonly snapshots: SnapshotIndexes;
  readonly ask: AskForPass;
  readonly claimedIn: ConnectionPoolOptions['claimedIn'];
  readonly metrics: Metrics;
  readonly now: () => number;
}

export function createConnections(
  settings: ConnectionSettings,
  { watches, indexes, snapshots, ask, claimedIn, metrics, now }: Deps,
): ConnectionPool {
  const vmsOfProvider = indexes.users('Provider');
  /** And over their snapshots. */
  const askForVms = (vms: readonly string[], reason: PassReason): void => {
    ask('VirtualMachine', vms, reason);
    ask(
      'VMSnapshot',
      vms.flatMap((vm) => snapshots.vm.keys(vm)),
      reason,
    );
  };
  return createConnectionPool({
    claimedIn,
    claimedThrough: (provider) => claimedVmids(vmsOfProvider.objects(provider)),
    onRequest: ({ method, route, code, ms }, providers) =>
      metrics.pveCallEnded({
        provider: [...providers].toSorted().join(','),
        method,
        route,
        code,
        duration: millis(ms),
      }),
    onGuestsChanged(providers, vmids) {
      const changed = [...vmids].flatMap((number) => indexes.vmid.objects(String(number)));
      const concerned = changed.filter((vm) => providers.has(providerOf(vm) ?? ''));
      askForVms(
        concerned.map(({ metadata }) => keyOf(metadata)),
        'guestChanged',
      );
    },
    onConnectionChanged: (providers) => ask('Provider', providers, 'connection'),
    // VMs without a connection, or refused with the old credentials, would wait for a while.
    onConnected(provider) {
      askForVms(vmsOfProvider.keys(provider), 'connection');
      ask(
        'VMImage',
        watches.VMImage.cache.list().map(({ metadata }) => keyOf(metadata)),
        'connection',
      );
    },
    onSlotFree: (uid) => ask('VirtualMachine', indexes.uid.keys(uid), 'slotFree'),
    now,
    tasks: settings.tasks,
    ...(settings.inventoryInterval !== undefined && { inventoryInterval: settings.inventoryInterval }),
  });
}
