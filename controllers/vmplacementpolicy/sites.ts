/** The PVE clusters that a placement policy concerns, and the VMs there that it applies to. */
import type { Provider, VirtualMachine, VMPlacementPolicy } from '../../src/api/index.ts';
import { inSlices } from '../../src/lib/slices.ts';
import type { ObjectReader, Readable } from '../../src/runtime/controller.ts';
import type { Connection, Connections } from '../shared/cluster/connections.ts';
import { grantInForce, grantOf, nodesWithin } from '../shared/grants/grants.ts';
import type { Namespaces } from '../shared/grants/namespaces.ts';
import type { UsersOf } from '../shared/objects/in-use.ts';
import { acrossNamespaces, type Across } from '../shared/placement/across-namespaces.ts';
import { countedBy, countsOthers, eligibleIn } from '../shared/placement/counted.ts';
import type { PlacementChanges } from '../shared/placement/feed.ts';
import { peersIn } from '../shared/placement/peers.ts';
import { siteOf as placementSite, type Site } from '../shared/placement/site.ts';
import { meantBesides, scopeIn } from '../shared/placement/scope.ts';
import { zonesOf } from '../shared/placement/zones.ts';
import { violationsOf, type Violation } from './violations.ts';
import { providerKeyOf } from '../shared/objects/provider-of.ts';

type VM = Readable<VirtualMachine>;

export interface SitePorts {
  readonly policies: ObjectReader<VMPlacementPolicy>;
  readonly providers: ObjectReader<Provider>;
  readonly connections: Connections;
  readonly namespaces: Namespaces;
  readonly changes: Pick<PlacementChanges, 'namespaces'>;
  readonly vmsIn: (namespace: string) => readonly VM[];
  /** Those that it applies to, by their own reference or by that of their Provider. */
  readonly policyUsers: UsersOf;
}

/** `pending`: whether the Provider connects is not known yet. `unknown`: it does not. */
export type PolicySite = {
  readonly provider: Readable<Provider> | undefined;
  readonly users: readonly VM[];
} & (
  | { readonly state: 'known'; readonly site: Site; readonly connection: Connection }
  | { readonly state: 'pending' | 'unknown'; readonly site?: undefined }
);

/** By Provider: those of its users, and those of its own namespace, where it may be used next. */
export function sitesFor({ metadata }: VMPlacementPolicy, ports: SitePorts): readonly PolicySite[] {
  const { namespace, name } = metadata;
  const byProvider = new Map<string, VM[]>();
  for (const vm of ports.policyUsers(namespace, name)) {
    const key = providerKeyOf(vm);
    byProvider.set(key, [...(byProvider.get(key) ?? []), vm]);
  }
  for (const { metadata: at } of ports.providers.list())
    if (at.namespace === namespace && !byProvider.has(`${namespace}/${at.name}`))
      byProvider.set(`${namespace}/${at.name}`, []);
  return [...byProvider].map(([key, users]) => siteOf(key, users, ports));
}

function siteOf(key: string, users: readonly VM[], ports: SitePorts): PolicySite {
  const [namespace = '', name = ''] = key.split('/');
  const connection = ports.connections.get(namespace, name);
  const view = connection?.inventory.view();
  const provider = ports.providers.partial(namespace, name);
  if (!connection || view?.staleSince !== undefined || !view)
    return {
      provider,
      users,
      state: ports.connections.isPending(namespace, name) ? 'pending' : 'unknown',
    };
  return { provider, users, state: 'known', site: placementSite(connection, view, ports), connection };
}

export async function violationsAt(
  policy: VMPlacementPolicy,
  sites: readonly PolicySite[],
  ports: SitePorts,
): Promise<readonly Violation[]> {
  const all: Violation[] = [];
  for (const at of sites) {
    if (at.state !== 'known' || at.users.length === 0) continue;
    const facts = {
      rules: policy.spec,
      home: policy.metadata.namespace,
      inScope: scopeIn(ports.namespaces),
      peers: countsOthers(policy.spec) ? peersOf(policy, at, ports) : [],
      // What the policies of others say is a violation of those.
      around: [],
      zoneOf: zonesOf(at.provider),
    };
    // Namespaces may be granted different nodes.
    for (const [namespace, users] of Map.groupBy(at.users, ({ metadata }) => metadata.namespace)) {
      const eligible = eligibleIn(at.site.view, nodesFor(namespace, at, ports));
      all.push(
        ...(await inSlices(violationsOf(policy, users, { facts: { ...facts, eligible }, site: at.site }))),
      );
    }
  }
  return all;
}

/** The first of its Providers that does not let it mean VMs of other namespaces, or what holds for all of them. */
export function acrossAt(
  policy: VMPlacementPolicy,
  sites: readonly PolicySite[],
  { namespaces }: Pick<SitePorts, 'namespaces'>,
): Across {
  const all = [...sites.map(({ provider }) => provider), undefined];
  return (
    all.map((provider) => acrossNamespaces(policy, provider, namespaces)).find(({ ok }) => !ok) ?? {
      ok: true,
    }
  );
}

function nodesFor(
  namespace: string,
  { provider, connection: { nodeSelector } }: Extract<PolicySite, { state: 'known' }>,
  { namespaces }: Pick<SitePorts, 'namespaces'>,
): readonly string[] {
  return provider
    ? nodesWithin(nodeSelector, grantInForce(provider, provider.metadata, { namespace, namespaces }))
    : nodeSelector;
}

/** Those of other namespaces count where the Provider grants it, as they do when a VM is placed. */
function peersOf(
  { metadata, spec }: VMPlacementPolicy,
  { provider, site }: Extract<PolicySite, { state: 'known' }>,
  { vmsIn, namespaces, changes }: SitePorts,
) {
  const { namespace } = metadata;
  const grant = provider && grantOf(provider, namespace, namespaces);
  const besides = grant?.placementAcrossNamespaces
    ? meantBesides(spec, namespace, { all: changes.namespaces(), inScope: scopeIn(namespaces) })
    : [];
  const meant = [namespace, ...besides].flatMap((each) => peersIn(vmsIn(each), namespace, site));
  return countedBy({ metadata, spec }, meant, { site, vmsIn });
}
