/** Provider: connects to Proxmox VE and says what it found. */
import { CredentialsError, PveError, type View, type ClusterIdentity } from '../../src/pve/index.ts';
import type { Provider, ProviderStatus } from '../../src/api/index.ts';
import { minutes, seconds, type Vmid } from '../../src/lib/units.ts';
import type { Controller, EventNote, Pass, ReconcileResult } from '../../src/runtime/controller.ts';
import { released, settled, stalled, waiting, type Outcome } from '../../src/runtime/outcome.ts';
import { inUse, type UsersOf } from '../shared/objects/in-use.ts';
import { Reasons } from '../shared/errors/reasons.ts';
import type { ConnectionPool, ClusterClient } from './connect.ts';
import { isSameCluster, parseIdentity, printIdentity } from '../shared/cluster/identity.ts';
import { discover } from './discovery.ts';
import { gatherLayers, type LayerPorts } from './layers.ts';
import type { MissingPrivileges } from './missing-privileges.ts';
import type { PrivilegeWatch } from './privileges.ts';
import {
  connected,
  ignoredFields,
  insufficient,
  limitedFeatures,
  reportProvider,
  unverified,
  type ProviderFacts,
} from './report.ts';
import { resolveSettings, type Settings } from './settings.ts';

export interface ProviderPorts extends LayerPorts {
  readonly pool: ConnectionPool;
  readonly privileges: PrivilegeWatch;
  /** VirtualMachines that refer to this Provider, being deleted or not. */
  readonly usersOf: UsersOf;
  /** Numbers that VirtualMachines have in this PVE cluster. */
  readonly claimedIn: (clusterID: string) => ReadonlySet<Vmid>;
}

type ProviderResult = ReconcileResult<ProviderStatus>;

export const FINALIZER = 'provider.infra.virtrigaud.io/finalizer';

/** The inventory notices trouble by itself; this is how soon a changed Secret is noticed. */
const LOOK_AGAIN = seconds(10);
/** Credentials that Proxmox VE refuses are likely being replaced. */
const CREDENTIALS_AGAIN = seconds(5);

export function providerController(ports: ProviderPorts): Controller<Provider, ProviderStatus> {
  async function reconcile(provider: Provider, pass: Pass<Provider>): Promise<ProviderResult> {
    const key = `${provider.metadata.namespace}/${provider.metadata.name}`;
    if (pass.deleting) {
      const held = release(provider, key);
      if (held.outcome.kind === 'released') return held;
      // Its VMs still need the connection: an operator that was started anew makes it for them.
      await connect(provider, key, pass).catch(() => undefined);
      return held;
    }
    return connect(provider, key, pass);
  }

  function release(provider: Provider, key: string): ProviderResult {
    const users = ports.usersOf(provider.metadata.namespace, provider.metadata.name);
    if (users.length === 0) {
      ports.pool.drop(key);
      return { outcome: released, status: {} };
    }
    return { outcome: inUse('Provider', users), status: kept(provider) };
  }

  async function settingsOf(
    provider: Provider,
  ): Promise<
    | { readonly settings: Settings; readonly hindrance?: never }
    | { readonly settings?: never; readonly hindrance: Outcome }
  > {
    const gathered = await gatherLayers(provider, ports);
    if (!gathered.ok) return { hindrance: waiting(gathered.reason, gathered.message, LOOK_AGAIN) };
    const resolved = resolveSettings(provider.spec, gathered.layers);
    return resolved.ok
      ? { settings: resolved.settings }
      : { hindrance: stalled(resolved.reason, resolved.message, LOOK_AGAIN) };
  }

  async function connect(provider: Provider, key: string, pass: Pass<Provider>): Promise<ProviderResult> {
    const { settings, hindrance } = await settingsOf(provider);
    if (!settings) return failing(provider, hindrance);
    const pinned = provider.status?.clusterID;
    const before = pinned === undefined ? undefined : parseIdentity(pinned);
    let client: ClusterClient;
    let view: View;
    try {
      client = ports.pool.line(key, settings, before);
      view = await look(client, pass.signal);
    } catch (error) {
      return failing(provider, unreachable(error));
    }
    const identity = identityOf(view, before);
    if (before && identity.nodes.length > 0 && !isSameCluster(before, identity)) {
      ports.pool.suspend(key);
      return failing(
        provider,
        stalled(
          'ClusterChanged',
          `Another Proxmox VE cluster answers at ${client.origin} (${printIdentity(identity)} instead of ${pinned}). Nothing is done for the VMs of this Provider, and none is released. ` +
            `If the endpoint is wrong, correct it; for another cluster, create another Provider. If it is the same one under a new name or address: ${forget(provider)}`,
          LOOK_AGAIN,
        ),
      );
    }
    const use = ports.pool.use(key, client, {
      view,
      identity,
      nodeSelector: settings.nodeSelector,
      defaults: provider.spec.defaults ?? {},
    });
    // VMs have their connection by now: what the credentials may do for a pool is for Proxmox VE to say.
    const lacks = await ports.privileges.lacks(client, settings.credentials, pass.signal);
    const outcome = outcomeOf(client, view, lacks);
    const clusterID = printIdentity(identity);
    const discovery = discover(provider, view, () => ports.claimedIn(clusterID));
    const facts: ProviderFacts = {
      origin: client.origin,
      view,
      version: client.version?.version,
      clusterID,
      lacks,
      discovery,
    };
    return {
      outcome,
      status: reportProvider(facts),
      conditions: [...ignoredFields(provider.spec, discovery), ...limitedFeatures(lacks)],
      events: [
        ...newsOf(provider, outcome),
        ...(use === 'new' ? [connected(facts), ...unverified(settings)] : back(provider, outcome, facts)),
      ],
    };
  }

  return { name: 'provider', finalizer: FINALIZER, reconcile };
}

/** Where PVE does not tell the cluster's name (no right to ask), it is taken to be what it was. */
const identityOf = (view: View, before: ClusterIdentity | undefined): ClusterIdentity => ({
  name: view.quorate === 'unknown' ? before?.name : view.clusterName,
  nodes: view.nodes.map(({ name }) => name),
  address: view.quorate === 'unknown' ? before?.address : view.address,
});

/** The first look reads; later ones see what the inventory read for everyone. */
async function look(client: ClusterClient, signal: AbortSignal): Promise<View> {
  const { lastError } = client.inventory;
  const view = client.inventory.view();
  // The inventory goes on trying; asking twice as often would only look like an attack.
  if (!view && lastError && isUnauthenticated(lastError)) throw lastError;
  const seen = view ?? (await client.inventory.refresh(signal));
  client.version ??= await client.pve.version({ signal });
  return seen;
}

const forget = ({ metadata: { namespace, name } }: Provider): string =>
  `kubectl patch provider ${name} -n ${namespace} --subresource=status --type=json -p '[{"op":"remove","path":"/status/clusterID"}]'`;

const isUnauthenticated = (error: unknown): boolean =>
  error instanceof PveError && error.refusal === 'unauthenticated';

function outcomeOf(client: ClusterClient, view: View, lacks: MissingPrivileges | undefined): Outcome {
  if (view.staleSince !== undefined) return unreachable(client.inventory.lastError);
  if (view.quorate === 'no')
    return waiting(
      Reasons.noQuorum,
      'The Proxmox VE cluster has no quorum: nothing can be changed in it until a majority of its nodes is back.',
      LOOK_AGAIN,
    );
  if (lacks && lacks.required.length > 0)
    return stalled(Reasons.missingPrivileges, insufficient(lacks), LOOK_AGAIN);
  return settled(LOOK_AGAIN);
}

function unreachable(error: unknown): Outcome {
  if (error instanceof CredentialsError) return stalled('CredentialsInvalid', error.message, LOOK_AGAIN);
  if (!(error instanceof PveError)) throw error;
  if (isUnauthenticated(error))
    return stalled(
      Reasons.authenticationFailed,
      `authentication failed: ${error.message}`,
      CREDENTIALS_AGAIN,
    );
  if (error.refusal === 'forbidden') return stalled(Reasons.missingPrivilege, error.message, minutes(1));
  return waiting(Reasons.unreachable, `failed to connect to Proxmox VE: ${error.message}`, LOOK_AGAIN);
}

/** What was known before stays, save that it is healthy. */
const failing = (provider: Provider, outcome: Outcome): ProviderResult => ({
  outcome,
  status: { ...kept(provider), healthy: false },
  conditions: ignoredFields(provider.spec),
  events: newsOf(provider, outcome),
});

const readyBefore = ({ status }: Provider) => status?.conditions?.find(({ type }) => type === 'Ready');

const back = (provider: Provider, outcome: Outcome, facts: ProviderFacts): readonly EventNote[] =>
  outcome.kind === 'settled' && readyBefore(provider)?.status === 'False' ? [connected(facts)] : [];

/** What hinders a Provider is told once; what only a person can mend is told for every kind alike. */
function newsOf(provider: Provider, outcome: Outcome): readonly EventNote[] {
  return outcome.kind === 'waiting' && outcome.reason !== readyBefore(provider)?.reason
    ? [{ type: 'Warning', reason: outcome.reason, message: outcome.message }]
    : [];
}

function kept(provider: Provider): ProviderStatus {
  const { conditions: _conditions, observedGeneration: _generation, ...status } = provider.status ?? {};
  return status;
}
