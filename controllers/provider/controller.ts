/** Provider: connects to Proxmox VE and reports the state of the cluster. */
import type { View } from '../../src/pve/index.ts';
import type { Provider, ProviderStatus, VMClass, VMImage } from '../../src/api/index.ts';
import { inSlices } from '../../src/lib/slices.ts';
import { omitUndefined } from '../../src/lib/omit-undefined.ts';
import type { Vmid } from '../../src/lib/units.ts';
import type { Controller, ObjectReader, Pass } from '../../src/runtime/controller.ts';
import { released, stalled, waiting, type Outcome } from '../../src/runtime/outcome.ts';
import type { Namespaces } from '../shared/grants/namespaces.ts';
import { heldDeletions, type DeletionLog } from '../shared/limits/deletion-protection.ts';
import type { UsersOf } from '../shared/objects/in-use.ts';
import { mayHaveGuest } from '../shared/objects/may-have-guest.ts';
import { forceDeletedIn, type ForceDeleted } from '../shared/cluster/force-deleted.ts';
import { isSameCluster, parseIdentity, printIdentity } from '../shared/cluster/identity.ts';
import type { ConnectedCluster } from '../shared/cluster/shared-state.ts';
import { copyOf, type Connected } from './credential-copy.ts';
import type { CredentialCopies } from './credential-copies.ts';
import { discover, withForceDeleted, type Discovery } from './discovery.ts';
import { createExpiryNews } from './expiry.ts';
import { gatherLayers, type LayerPorts } from './layers.ts';
import { identityOf, type ClusterClient } from './cluster-client.ts';
import { downloadNeeds } from './download-needs.ts';
import { haRuleNeeds } from './ha-rule-needs.ts';
import { mappingNeeds } from './mapping-needs.ts';
import { loginOf, type MissingPrivileges } from './missing-privileges.ts';
import {
  CHECK_INTERVAL,
  clusterChanged,
  isUnauthenticated,
  isWithdrawal,
  outcomeOf,
  unreachable,
  whereCaIsRead,
  withoutNewVms,
} from './outcomes.ts';
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
import { withHeldDeletions } from './held-deletions.ts';
import { failing, newsOf, reconnected, whileInUse, type ProviderResult } from './results.ts';
import { usersOfProvider } from './users.ts';
import { resolveSettings, type Settings } from './settings.ts';

export interface ProviderPorts extends LayerPorts {
  readonly pool: ConnectionPool;
  readonly privileges: PrivilegeWatch;
  readonly copies: Pick<CredentialCopies, 'keep'>;
  readonly forceDeleted: ForceDeleted;
  readonly namespaces: Namespaces;
  readonly classes: ObjectReader<VMClass>;
  readonly images: Pick<ObjectReader<VMImage>, 'list'>;
  /** VirtualMachines that refer to this Provider, being deleted or not. */
  readonly usersOf: UsersOf;
  readonly deletionLog: Pick<DeletionLog, 'recent'>;
  /** VMIDs in the status of VirtualMachines that may be in this PVE cluster. */
  readonly claimedIn: (cluster: ConnectedCluster) => ReadonlySet<Vmid>;
}

interface Discovering {
  readonly view: View;
  readonly discovery: Discovery;
  readonly claimed: () => ReadonlySet<Vmid>;
}

export const FINALIZER = 'provider.infra.virtrigaud.io/finalizer';

export function providerController(ports: ProviderPorts): Controller<Provider, ProviderStatus> {
  const expiryNews = createExpiryNews();

  async function reconcile(provider: Provider, pass: Pass<Provider>): Promise<ProviderResult> {
    const result = await attemptOrEnd(provider, pass);
    const { namespace, name } = provider.metadata;
    if (result.outcome === released) return result;
    const now = pass.now.getTime();
    const vms = ports.usersOf(namespace, name);
    const held = heldDeletions({ provider, vms, log: ports.deletionLog, now });
    return withHeldDeletions(result, provider, { held, now: pass.now });
  }

  async function attemptOrEnd(provider: Provider, pass: Pass<Provider>): Promise<ProviderResult> {
    const { namespace, name } = provider.metadata;
    const key = `${namespace}/${name}`;
    if (!pass.deleting) return attempt(provider, key, pass);
    const users = usersOfProvider({ namespace, provider }, ports.usersOf(namespace, name), ports.namespaces);
    // Its VMs still need the connection, which an operator that was restarted has to open first.
    if (users.length > 0)
      return whileInUse(provider, users, await attempt(provider, key, pass).catch(() => undefined));
    ports.pool.drop(key);
    ports.forceDeleted.forget(key);
    expiryNews(key, undefined, pass.now);
    return { outcome: released, status: {} };
  }

  /** Without its VMs' VMIDs nothing is left to be removed, and the credentials are not needed either. */
  async function keepCredentials(provider: Provider, connection: Connected): Promise<void> {
    const { namespace, name } = provider.metadata;
    if (ports.usersOf(namespace, name).some(mayHaveGuest))
      await ports.copies.keep(copyOf(provider, connection));
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

  /** What was deleted by force is listed although Proxmox VE cannot be asked. */
  function failed(provider: Provider, key: string, problem: Outcome): ProviderResult {
    const { namespace, name } = provider.metadata;
    const hasOther = ports.pool.get(namespace, name) !== undefined;
    const result = failing(provider, hasOther ? withoutNewVms(problem) : problem);
    const forced = ports.forceDeleted.of(key, forceDeletedIn(provider.status));
    const discovered = withForceDeleted(result.status.discovered, forced, undefined);
    return { ...result, status: { ...result.status, ...omitUndefined({ discovered }) } };
  }

  /** All guests to list: those that could be adopted, and those that were deleted by force. */
  function discoveredIn(
    provider: Provider,
    key: string,
    { view, discovery, claimed }: Discovering,
  ): ProviderStatus['discovered'] {
    ports.forceDeleted.of(key, forceDeletedIn(provider.status));
    ports.forceDeleted.prune(key, view, claimed);
    const adoptable = discovery?.ok ? discovery.discovered : undefined;
    return withForceDeleted(adoptable, ports.forceDeleted.of(key, []), view);
  }

  function missingOf(
    provider: Provider,
    { client, settings }: { readonly client: ClusterClient; readonly settings: Settings },
    signal: AbortSignal,
  ): Promise<MissingPrivileges | undefined> {
    const { namespace, name } = provider.metadata;
    const inUse = [
      ...mappingNeeds(provider, ports.usersOf(namespace, name), ports),
      ...downloadNeeds(provider, ports.images.list(), ports),
      ...haRuleNeeds(provider, client.versions.answering),
    ];
    return ports.privileges.missing(client, { credentials: settings.credentials, inUse }, signal);
  }

  async function connect(provider: Provider, key: string, pass: Pass<Provider>): Promise<ProviderResult> {
    const { settings, problem } = await settingsOf(provider);
    if (!settings) {
      if (isWithdrawal(problem)) ports.pool.withdraw(key);
      return failed(provider, key, problem);
    }
    const pinned = provider.status?.clusterID;
    const before = pinned === undefined ? undefined : parseIdentity(pinned);
    let client: ClusterClient;
    let view: View;
    try {
      client = ports.pool.withClient(key, settings, before);
      view = await read(client, pass.signal);
    } catch (error) {
      return failed(provider, key, whereCaIsRead(unreachable(error, settings.credentials), settings));
    }
    const identity = identityOf(view, before);
    if (before && identity.nodes.length > 0 && !isSameCluster(before, identity)) {
      ports.pool.suspend(key);
      return failed(provider, key, clusterChanged(provider, client, identity));
    }
    const use = ports.pool.use(key, client, {
      view,
      identity,
      generation: provider.metadata.generation,
      nodeSelector: settings.nodeSelector,
      defaults: provider.spec.defaults ?? {},
      keepCredentials: () => ports.copies.keep(copyOf(provider, { settings, identity })),
    });
    await keepCredentials(provider, { settings, identity });
    // The VMs have their connection already: Proxmox VE itself refuses what the credentials may not do.
    const missing = await missingOf(provider, { client, settings }, pass.signal);
    const outcome = outcomeOf(client, view, { credentials: settings.credentials, missing });
    const claimed = (): ReadonlySet<Vmid> => ports.claimedIn({ ...identity, providers: [key] });
    const discovery = await inSlices(discover(provider, view, claimed));
    const discovered = discoveredIn(provider, key, { view, discovery, claimed });
    const facts: ProviderFacts = {
      origin: client.origin,
      user: loginOf(settings.credentials),
      view,
      version: client.versions.answering?.version,
      clusterID: printIdentity(identity),
      certificate: client.certificate,
      missing,
      discovered,
    };
    return {
      outcome,
      status: reportProvider(facts),
      conditions: [
        ...ignoredFields(provider.spec, {
          discovery,
          mayReadNamespaces: ports.namespaces.mayBeRead,
          releases: [...client.versions.releases.values()],
        }),
        ...limitedFeatures(missing),
      ],
      events: [
        ...newsOf(provider, outcome),
        ...(use === 'new'
          ? [connected(facts), ...unverified(settings)]
          : reconnected(provider, outcome, facts)),
        ...expiryNews(key, ports.privileges.expiry(client), pass.now),
      ],
    };
  }

  return { name: 'provider', finalizer: FINALIZER, reconcile };
}

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
