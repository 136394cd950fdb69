/** Opens, keeps and closes the connections to Proxmox VE: one a Provider, shared by those that say the same. */
import {
  clusterKey,
  createInventory,
  createTransport,
  pve as pveOver,
  type ClusterIdentity,
  type Inventory,
  type Pve,
  type RequestAttempt,
  type View,
  type Version,
} from '../../src/pve/index.ts';
import { sha256Hex } from '../../src/lib/hash.ts';
import { minutes, seconds, type Millis, type Vmid } from '../../src/lib/units.ts';
import { createCloneSlots, type CloneSlots } from '../shared/limits/clones.ts';
import { createMarks, type Marks } from '../shared/guests/marks.ts';
import { createMoveSlots, type MoveSlots } from '../shared/limits/moves.ts';
import type { Connection, Connections, ProviderDefaults, TaskTiming } from '../shared/cluster/connections.ts';
import { createLedger, type Ledger } from '../shared/cluster/ledger.ts';
import { createVmidAllocator, type VmidAllocator } from '../shared/cluster/vmids.ts';
import { isSameCluster } from '../shared/cluster/identity.ts';
import { connectionOf, type Settings } from './settings.ts';

export interface ConnectionPoolOptions {
  /** VMIDs that stand in the status of any VirtualMachine. */
  readonly claimed: () => ReadonlySet<Vmid>;
  /** Of those, what the VMs of one Provider have: numbers are the same in every PVE cluster. */
  readonly claimedThrough: (provider: string) => ReadonlySet<Vmid>;
  readonly onRequest: (seen: RequestAttempt) => void;
  /** Guests differ from the last look; for the VMs of these Providers. */
  readonly onGuestsChanged: (providers: ReadonlySet<string>, vmids: ReadonlySet<Vmid>) => void;
  /**
   * Something about the connection of these Providers differs: nodes, storages, our sight of the cluster, the
   * endpoint in use, or Proxmox VE no longer accepts the credentials.
   */
  readonly onConnectionChanged: (providers: ReadonlySet<string>) => void;
  /** From now on the Provider's VMs have a connection, or another one than before. */
  readonly onConnected: (provider: string) => void;
  /** This VM waited for its turn to be cloned, and may have it now. */
  readonly onSlotFree: (uid: string) => void;
  /** Epoch ms. */
  readonly now: () => number;
  readonly inventoryInterval?: Millis;
  readonly tasks?: TaskTiming | undefined;
}

/** A line to one PVE cluster, whichever Providers use it. */
export interface ClusterClient {
  /** The same for all settings that may share it. */
  readonly key: string;
  /** Of the endpoint in use. */
  readonly origin: string;
  readonly pve: Pve;
  readonly inventory: Inventory;
  readonly marks: Marks;
  /** Asked once; PVE is upgraded without us noticing, so it is asked again after a failure. */
  version?: Version;
}

export interface ConnectionPool extends Connections {
  /**
   * The line for these settings; opened where there is none. It stays open until the Provider asks for another.
   * @param pinned the cluster that it must lead to, where that is known
   */
  line(provider: string, settings: Settings, pinned: ClusterIdentity | undefined): ClusterClient;
  /** From now on the Provider's VMs use this line. Gives whether they did so before. */
  use(
    provider: string,
    client: ClusterClient,
    how: {
      readonly nodeSelector: readonly string[];
      readonly defaults: ProviderDefaults;
      readonly view: View;
      readonly identity: ClusterIdentity;
    },
  ): 'new' | 'known';
  /** Its VMs have no connection for now. The line stays open, so that its Provider can see when that changes. */
  suspend(provider: string): void;
  drop(provider: string): void;
  /** The VM with this uid is gone: whatever was promised to it is free. */
  release(uid: string): void;
  closeAll(): Promise<void>;
}

/** What all Providers of one PVE cluster share: or two of them would promise the same twice. */
interface Common {
  readonly vmids: VmidAllocator;
  readonly ledger: Ledger;
  readonly cloneSlots: CloneSlots;
  readonly moveSlots: MoveSlots;
}

const GRACE = seconds(20);
/** Passes that began with a line that was replaced may still end with it. */
const LINGER = minutes(1);

interface OpenClient extends ClusterClient {
  /** Reads no more by itself; requests are still taken. */
  readonly stopPolling: () => void;
  readonly close: () => Promise<void>;
}

export function createConnectionPool(options: ConnectionPoolOptions): ConnectionPool {
  const lines = new Map<string, OpenClient>();
  const retired = new Map<OpenClient, NodeJS.Timeout>();
  const users = new Map<string, Connection & { readonly key: string }>();
  /** What each Provider asked for last, in use or not yet. */
  const asked = new Map<string, string>();
  const commons = new Map<string, Common>();

  const providersOf = (wanted: string): ReadonlySet<string> =>
    new Set([
      ...[...users].flatMap(([provider, { key }]) => (key === wanted ? [provider] : [])),
      ...[...asked].flatMap(([provider, key]) => (key === wanted ? [provider] : [])),
    ]);

  /** By the VMs of all Providers that use the line: they are surely in its cluster. */
  const claimedOn = (wanted: string): ReadonlySet<Vmid> =>
    new Set(
      [...users].flatMap(([provider, { key }]) =>
        key === wanted ? [...options.claimedThrough(provider)] : [],
      ),
    );

  function open(settings: Settings, key: string, pinned: ClusterIdentity | undefined): OpenClient {
    const changed = (): void => options.onConnectionChanged(providersOf(key));
    const isNewlyRefused = refusals();
    let known = pinned;
    const transport = createTransport({
      ...connectionOf(settings),
      isExpectedCluster(found) {
        const before = identityOf(inventory.view()) ?? known;
        if (before && !isSameCluster(before, found)) return false;
        known = found;
        return true;
      },
      onFailover: changed,
      onRequest(seen) {
        options.onRequest(seen);
        // The credentials may have been replaced: the Secret will tell.
        if (isNewlyRefused(seen)) changed();
      },
    });
    const pve = pveOver(transport.send);
    const inventory = createInventory({ pve, interval: options.inventoryInterval });
    const stopping = new AbortController();
    inventory.onChange((vmids, kind) =>
      kind === 'cluster' ? changed() : options.onGuestsChanged(providersOf(key), vmids),
    );
    inventory.start(stopping.signal);
    return {
      key,
      get origin() {
        return transport.origin;
      },
      pve,
      inventory,
      marks: createMarks({ pve, inventory }, () => claimedOn(key), options.now),
      stopPolling: () => stopping.abort(),
      async close() {
        stopping.abort();
        await transport.close(GRACE);
      },
    };
  }

  function takeUnused(): readonly OpenClient[] {
    const used = new Set([...[...users.values()].map(({ key }) => key), ...asked.values()]);
    const unused = [...lines.values()].filter(({ key }) => !used.has(key));
    for (const { key } of unused) lines.delete(key);
    return unused;
  }

  function retire(client: OpenClient): void {
    client.stopPolling();
    const timer = setTimeout(() => {
      retired.delete(client);
      void client.close();
    }, LINGER);
    timer.unref();
    retired.set(client, timer);
  }

  function commonTo(view: View): Common {
    // Nodes join and leave; the name of a cluster stays.
    const key = view.clusterName ?? clusterKey(view);
    const { claimed, now, onSlotFree } = options;
    const known = commons.get(key) ?? {
      vmids: createVmidAllocator(claimed, now),
      ledger: createLedger(now),
      cloneSlots: createCloneSlots(now, onSlotFree),
      moveSlots: createMoveSlots(now, onSlotFree),
    };
    commons.set(key, known);
    return known;
  }

  return {
    get: (namespace, name) => users.get(`${namespace}/${name}`),
    line(provider, settings, pinned) {
      const key = keyOf(settings);
      asked.set(provider, key);
      const known = lines.get(key) ?? open(settings, key, pinned);
      lines.set(key, known);
      return known;
    },
    use(provider, client, { nodeSelector, defaults, view, identity }) {
      const before = users.get(provider)?.key;
      const { key, pve, inventory, marks } = client;
      users.set(provider, {
        key,
        get origin() {
          return client.origin;
        },
        pve,
        inventory,
        marks,
        identity,
        nodeSelector,
        defaults,
        ...commonTo(view),
        tasks: options.tasks,
      });
      takeUnused().forEach(retire);
      if (before === key) return 'known';
      options.onConnected(provider);
      return 'new';
    },
    suspend: (provider) => void users.delete(provider),
    drop(provider) {
      users.delete(provider);
      asked.delete(provider);
      for (const client of takeUnused()) void client.close();
    },
    release(uid) {
      for (const { ledger, cloneSlots, moveSlots } of commons.values()) {
        ledger.release(uid);
        cloneSlots.end(uid);
        moveSlots.end(uid);
      }
    },
    async closeAll() {
      users.clear();
      asked.clear();
      for (const timer of retired.values()) clearTimeout(timer);
      const all = [...takeUnused(), ...retired.keys()];
      retired.clear();
      await Promise.all(all.map((client) => client.close()));
    },
  };
}

const keyOf = (settings: Settings): string => sha256Hex(JSON.stringify(connectionOf(settings)));

const identityOf = (view: View | undefined): ClusterIdentity | undefined =>
  view && {
    name: view.clusterName,
    nodes: view.nodes.map(({ name }) => name),
    address: view.address,
  };

/** Tells the first refusal of the credentials from those that only repeat it. */
function refusals(): (seen: RequestAttempt) => boolean {
  let refused = false;
  return ({ code }) => {
    const before = refused;
    if (code === '401') refused = true;
    else if (code.startsWith('2')) refused = false;
    return refused && !before;
  };
}
