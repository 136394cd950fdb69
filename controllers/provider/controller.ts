/** Provider: connects to Proxmox VE and reports the state of the cluster. */
import type { ClusterIdentity, View } from '../../src/pve/index.ts';
import type { Provider, ProviderStatus } from '../../src/api/index.ts';
import type { Vmid } from '../../src/lib/units.ts';
import type { Controller, Pass } from '../../src/runtime/controller.ts';
import { released, stalled, waiting, type Outcome } from '../../src/runtime/outcome.ts';
import { inUse, usersOfProvider, type UsersOf } from '../shared/objects/in-use.ts';
import { isSameCluster, parseIdentity, printIdentity } from '../shared/cluster/identity.ts';
import { discover } from './discovery.ts';
import { gatherLayers, type LayerPorts } from './layers.ts';
import type { ClusterClient } from './cluster-client.ts';
import { CHECK_INTERVAL, clusterChanged, isUnauthenticated, outcomeOf, unreachable } from './outcomes.ts';
import type { ConnectionPool } from './pool.ts';
import type { PrivilegeWatch } from './privileges.ts';
import {
  connected,
  ignoredFields,
  limitedFeatures,
  reportProvider,
  unverified,
  type ProviderFacts,
} from './report.ts';
import { failing, kept, newsOf, reconnected, type ProviderResult } from './results.ts';
import { resolveSettings, type Settings } from './settings.ts';

export interface ProviderPorts extends LayerPorts {
  readonly pool: ConnectionPool;
  readonly privileges: PrivilegeWatch;
  /** VirtualMachines that refer to this Provider, being deleted or not. */
  readonly usersOf: UsersOf;
  /** VMIDs in the status of VirtualMachines that may be in this PVE cluster. */
  readonly claimedIn: (cluster: ClusterIdentity) => ReadonlySet<Vmid>;
}

export const FINALIZER = 'provider.infra.virtrigaud.io/finalizer';

export function providerController(ports: ProviderPorts): Controller<Provider, ProviderStatus> {
  async function reconcile(provider: Provider, pass: Pass<Provider>): Promise<ProviderResult> {
    const key = `${provider.metadata.namespace}/${provider.metadata.name}`;
    if (pass.deleting) {
      const result = release(provider, key);
      if (result.outcome.kind === 'released') return result;
      // Its VMs still need the connection, which an operator that was restarted has to open first.
      await attempt(provider, key, pass).catch(() => undefined);
      return result;
    }
    return attempt(provider, key, pass);
  }

  function release(provider: Provider, key: string): ProviderResult {
    const { namespace, name } = provider.metadata;
    const users = usersOfProvider(provider, ports.usersOf(namespace, name));
    if (users.length === 0) {
      ports.pool.drop(key);
      return { outcome: released, status: {} };
    }
    return { outcome: inUse('Provider', provider, users), status: kept(provider) };
  }

  async function settingsOf(
    provider: Provider,
  ): Promise<
    | { readonly settings: Settings; readonly problem?: never }
    | { readonly settings?: never; readonly problem: Outcome }
  > {
    const gathered = await gatherLayers(provider, ports);
    if (!gathered.ok) return { problem: waiting(gathered.reason, gathered.message, CHECK_INTERVAL) };
    const resolved = resolveSettings(provider.spec, gathered.layers);
    return resolved.ok
      ? { settings: resolved.settings }
      : { problem: stalled(resolved.reason, resolved.message, CHECK_INTERVAL) };
  }

  async function attempt(provider: Provider, key: string, pass: Pass<Provider>): Promise<ProviderResult> {
    try {
      return await connect(provider, key, pass);
    } finally {
      ports.pool.attempted(key);
    }
  }

  async function connect(provider: Provider, key: string, pass: Pass<Provider>): Promise<ProviderResult> {
    const { settings, problem } = await settingsOf(provider);
    if (!settings) return failing(provider, problem);
    const pinned = provider.status?.clusterID;
    const before = pinned === undefined ? undefined : parseIdentity(pinned);
    let client: ClusterClient;
    let view: View;
    try {
      client = ports.pool.withClient(key, settings, before);
      view = await read(client, pass.signal);
    } catch (error) {
      return failing(provider, unreachable(error));
    }
    const identity = identityOf(view, before);
    if (before && identity.nodes.length > 0 && !isSameCluster(before, identity)) {
      ports.pool.suspend(key);
      return failing(provider, clusterChanged(provider, client, identity));
    }
    const use = ports.pool.use(key, client, {
      view,
      identity,
      nodeSelector: settings.nodeSelector,
      defaults: provider.spec.defaults ?? {},
    });
    // The VMs have their connection already: Proxmox VE itself refuses what the credentials may not do.
    const missing = await ports.privileges.missing(client, settings.credentials, pass.signal);
    const outcome = outcomeOf(client, view, missing);
    const discovery = discover(provider, view, () => ports.claimedIn(identity));
    const facts: ProviderFacts = {
      origin: client.origin,
      view,
      version: client.versions.answering?.version,
      clusterID: printIdentity(identity),
      missing,
      discovery,
    };
    return {
      outcome,
      status: reportProvider(facts),
      conditions: [...ignoredFields(provider.spec, discovery), ...limitedFeatures(missing)],
      events: [
        ...newsOf(provider, outcome),
        ...(use === 'new'
          ? [connected(facts), ...unverified(settings)]
          : reconnected(provider, outcome, facts)),
      ],
    };
  }

  return { name: 'provider', finalizer: FINALIZER, reconcile };
}

/** Where the credentials may not read the cluster's name, it is taken to be what it was. */
const identityOf = (view: View, before: ClusterIdentity | undefined): ClusterIdentity => ({
  name: view.quorate === 'unknown' ? before?.name : view.clusterName,
  nodes: view.nodes.map(({ name }) => name),
  address: view.quorate === 'unknown' ? before?.address : view.address,
});

/** The first pass reads; later ones use what the inventory read for everyone. */
async function read(client: ClusterClient, signal: AbortSignal): Promise<View> {
  const { lastError } = client.inventory;
  const view = client.inventory.view();
  // The inventory keeps trying; asking twice as often would only look like an attack.
  if (!view && lastError && isUnauthenticated(lastError)) throw lastError;
  const current = view ?? (await client.inventory.refresh(signal));
  // What a server that does not answer was last known to be, stays.
  if (current.staleSince === undefined) await client.versions.refresh(current.nodes, signal);
  return current;
}
