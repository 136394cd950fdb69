/** Opens, keeps and closes the connections to Proxmox VE: Providers with the same settings share one. */
import type { ClusterIdentity, RequestAttempt, View } from '../../src/pve/index.ts';
import { sha256Hex } from '../../src/lib/hash.ts';
import { minutes, type Millis, type Vmid } from '../../src/lib/units.ts';
import type { Connection, Connections, ProviderDefaults, TaskTiming } from '../shared/cluster/connections.ts';
import { evidenceOf } from '../shared/cluster/evidence.ts';
import { isSameCluster } from '../shared/cluster/identity.ts';
import { createSharedStates, type SharedStateOptions } from '../shared/cluster/shared-state.ts';
import { openClient, type ClientOptions, type ClusterClient, type OpenClient } from './cluster-client.ts';
import { connectionOf, type Settings } from './settings.ts';

export interface ConnectionPoolOptions extends SharedStateOptions {
  /** VMIDs in the status of the VMs of one Provider. */
  readonly claimedThrough: (provider: string) => ReadonlySet<Vmid>;
  /** A request was sent for these Providers. */
  readonly onRequest: (seen: RequestAttempt, providers: ReadonlySet<string>) => void;
  /** Guests changed since the last read; for the VMs of these Providers. */
  readonly onGuestsChanged: (providers: ReadonlySet<string>, vmids: ReadonlySet<Vmid>) => void;
  /**
   * Something about the connection of these Providers changed: nodes, storages, whether the cluster can be read, the
   * endpoint in use, or Proxmox VE no longer accepts the credentials.
   */
  readonly onConnectionChanged: (providers: ReadonlySet<string>) => void;
  /** From now on the Provider's VMs have a connection, another one than before, or one that answers again. */
  readonly onConnected: (provider: string) => void;
  readonly inventoryInterval?: Millis;
  /** Absent: over HTTP. */
  readonly openClient?: typeof openClient;
  readonly tasks?: TaskTiming | undefined;
}

export interface ConnectionPool extends Connections {
  /**
   * The client for these settings; opened where there is none. It stays open until the Provider asks for another.
   * @param pinned the cluster that it must lead to, where that is known
   */
  withClient(provider: string, settings: Settings, pinned: ClusterIdentity | undefined): ClusterClient;
  /** From now on the Provider's VMs use this client. Returns whether they did so before. */
  use(
    provider: string,
    client: ClusterClient,
    how: {
      readonly generation?: number;
      readonly nodeSelector: readonly string[];
      readonly defaults: ProviderDefaults;
      readonly view: View;
      readonly identity: ClusterIdentity;
      readonly keepCredentials?: () => Promise<void>;
      /** Only deletions that are under way use it, because the credentials were withdrawn. */
      readonly forDeletion?: true;
    },
  ): 'new' | 'known';
  /** Its VMs have no connection for now. The client stays open, so that its Provider can see when that changes. */
  suspend(provider: string): void;
  /** Its credentials were withdrawn: its VMs have no connection, and its client is closed. */
  withdraw(provider: string): void;
  isWithdrawn(provider: string): boolean;
  /** The connection that only deletions use. */
  forDeletion(namespace: string, name: string): Connection | undefined;
  /** The Providers that have one. */
  finishing(): readonly string[];
  /** The last of these deletions has ended. */
  stopFinishing(provider: string): void;
  /** An attempt of the Provider to connect has ended, whatever came of it. */
  attempted(provider: string): void;
  drop(provider: string): void;
  /** The VM with this uid was deleted: everything reserved for it is free. */
  release(uid: string): void;
  closeAll(): Promise<void>;
}

/** Longer than a first attempt takes: a Provider that makes none does not keep others waiting. */
const FIRST_ATTEMPT = minutes(1);

/** Passes that started with a client that was replaced may still use it. */
const LINGER = minutes(1);

interface User {
  readonly connection: Connection;
  readonly client: ClusterClient;
  readonly forDeletion: boolean;
}

export function createConnectionPool(options: ConnectionPoolOptions): ConnectionPool {
  const clients = new Map<string, OpenClient>();
  const retired = new Map<OpenClient, NodeJS.Timeout>();
  const users = new Map<string, User>();
  const withdrawn = new Set<string>();
  /** What each Provider asked for last, in use or not yet. */
  const asked = new Map<string, string>();
  const states = createSharedStates(options);
  const attempts = new Set<string>();
  /** Epoch ms: since when somebody waits for the first attempt. */
  const awaited = new Map<string, number>();

  function isPending(provider: string): boolean {
    if (attempts.has(provider)) return false;
    const now = options.now();
    const since = awaited.get(provider) ?? now;
    awaited.set(provider, since);
    return now - since < FIRST_ATTEMPT;
  }

  const usersOf = (key: string): readonly string[] =>
    [...users].flatMap(([provider, { client }]) => (client.key === key ? [provider] : []));

  const providersOf = (wanted: string): ReadonlySet<string> =>
    new Set([
      ...usersOf(wanted),
      ...[...asked].flatMap(([provider, key]) => (key === wanted ? [provider] : [])),
    ]);

  const open = (
    settings: Settings,
    { key, ...how }: Pick<ClientOptions, 'key' | 'tenant' | 'pinned'>,
  ): OpenClient =>
    (options.openClient ?? openClient)(settings, {
      key,
      ...how,
      // The VMs of all Providers that use the client are surely in its cluster.
      claimed: () => new Set(usersOf(key).flatMap((provider) => [...options.claimedThrough(provider)])),
      onRequest: (seen) => options.onRequest(seen, providersOf(key)),
      onGuestsChanged: (vmids) => options.onGuestsChanged(providersOf(key), vmids),
      onChanged: () => options.onConnectionChanged(providersOf(key)),
      onAnsweringAgain: () => usersOf(key).forEach((provider) => options.onConnected(provider)),
      now: options.now,
      inventoryInterval: options.inventoryInterval,
    });

  function takeUnused(): readonly OpenClient[] {
    const used = new Set([...[...users.values()].map(({ client }) => client.key), ...asked.values()]);
    const unused = [...clients.values()].filter(({ key }) => !used.has(key));
    for (const client of unused) {
      clients.delete(client.key);
      states.drop(client);
    }
    return unused;
  }

  function leave(provider: string): void {
    users.delete(provider);
    asked.delete(provider);
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

  return {
    get(namespace, name) {
      const user = users.get(`${namespace}/${name}`);
      return user?.forDeletion === false ? user.connection : undefined;
    },
    forDeletion(namespace, name) {
      const user = users.get(`${namespace}/${name}`);
      return user?.forDeletion === true ? user.connection : undefined;
    },
    isPending: (namespace, name) => isPending(`${namespace}/${name}`),
    attempted: (provider) => void attempts.add(provider),
    withClient(provider, settings, pinned) {
      const key = sha256Hex(JSON.stringify(connectionOf(settings)));
      asked.set(provider, key);
      const client = clients.get(key) ?? open(settings, { key, tenant: provider.split('/')[0], pinned });
      clients.set(key, client);
      return client;
    },
    use(provider, client, how) {
      const {
        generation,
        nodeSelector,
        defaults,
        view,
        identity,
        keepCredentials,
        forDeletion = false,
      } = how;
      // While this pass connected, the Provider went, or its settings were changed.
      if (asked.get(provider) !== client.key) return 'known';
      const before = users.get(provider);
      // The credentials are valid again.
      if (forDeletion && before?.forDeletion === false) return 'known';
      const continues = before && isSameCluster(before.connection.identity, identity);
      const shows = {
        evidence: evidenceOf(view, client.certificate),
        identity,
        providers: () => usersOf(client.key),
      };
      const { vmids, ledger, cloneSlots, moveSlots } = states.of(
        client,
        shows,
        continues ? before.client : undefined,
      );
      const connection: Connection = {
        get origin() {
          return client.origin;
        },
        pve: client.pve,
        inventory: client.inventory,
        versions: client.versions,
        marks: client.marks,
        identity,
        generation,
        nodeSelector,
        defaults,
        vmids,
        ledger,
        cloneSlots,
        moveSlots,
        tasks: options.tasks,
        keepCredentials,
      };
      if (!forDeletion) withdrawn.delete(provider);
      users.set(provider, { connection, client, forDeletion });
      takeUnused().forEach(retire);
      if (before?.client.key === client.key && before.forDeletion === forDeletion) return 'known';
      options.onConnected(provider);
      return 'new';
    },
    suspend: (provider) => void users.delete(provider),
    withdraw(provider) {
      if (withdrawn.has(provider)) return;
      withdrawn.add(provider);
      leave(provider);
      takeUnused().forEach(retire);
      // Its VMs say so, and those that are being deleted go on with another connection.
      options.onConnected(provider);
    },
    isWithdrawn: (provider) => withdrawn.has(provider),
    finishing: () => [...users].flatMap(([provider, user]) => (user.forDeletion ? [provider] : [])),
    stopFinishing(provider) {
      leave(provider);
      for (const client of takeUnused()) void client.close();
    },
    drop(provider) {
      attempts.delete(provider);
      awaited.delete(provider);
      withdrawn.delete(provider);
      leave(provider);
      for (const client of takeUnused()) void client.close();
    },
    release: (uid) => states.release(uid),
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
