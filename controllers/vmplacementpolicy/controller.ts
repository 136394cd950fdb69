/** VMPlacementPolicy: reports which VMs it applies to, and which of them are where it would not place them. It moves none. */
import {
  isObserved,
  MAX_VIOLATIONS,
  type Provider,
  type VirtualMachine,
  type VMPlacementPolicy,
  type VMPlacementPolicyStatus,
} from '../../src/api/index.ts';
import { closestOf } from '../../src/lib/closest.ts';
import { inSlices } from '../../src/lib/slices.ts';
import { seconds } from '../../src/lib/units.ts';
import type { Controller, EventNote, ObjectReader, Readable } from '../../src/runtime/controller.ts';
import { settled, stalled, unchanged, waiting, type Outcome } from '../../src/runtime/outcome.ts';
import type { Connection, Connections } from '../shared/cluster/connections.ts';
import { warning } from '../shared/errors/event.ts';
import { Reasons } from '../shared/errors/reasons.ts';
import type { UsersOf } from '../shared/objects/in-use.ts';
import { countedBy, eligibleIn } from '../shared/placement/counted.ts';
import type { Site } from '../shared/placement/peers.ts';
import { zonesOf } from '../shared/placement/zones.ts';
import { violationsOf, type Violation } from './violations.ts';

type VM = Readable<VirtualMachine>;

export interface VMPlacementPolicyPorts {
  readonly policies: ObjectReader<VMPlacementPolicy>;
  readonly providers: ObjectReader<Provider>;
  readonly connections: Connections;
  readonly vmsIn: (namespace: string) => readonly VM[];
  /** Those that it applies to, by their own reference or by that of their Provider. */
  readonly policyUsers: UsersOf;
  /** Epoch ms. */
  readonly now: () => number;
}

/** Every change of a VM asks for a pass, and a pass looks at all of them. */
const PAUSE = seconds(5);
const LATER = seconds(60);
const MAX_NAMED = 3;

export function vmPlacementPolicyController(
  ports: VMPlacementPolicyPorts,
): Controller<VMPlacementPolicy, VMPlacementPolicyStatus> {
  const looked = new Map<string, { readonly at: number; readonly generation: number }>();

  return {
    name: 'vmplacementpolicy',
    async reconcile(policy, { deleting }) {
      const { uid, generation, namespace, name } = policy.metadata;
      if (deleting) {
        looked.delete(uid);
        return { outcome: settled(), status: policy.status ?? {} };
      }
      const last = looked.get(uid);
      const now = ports.now();
      if (last?.generation === generation && now - last.at < PAUSE && isObserved(policy.status))
        return { outcome: unchanged(PAUSE), status: {} };
      const users = ports.policyUsers(namespace, name);
      const sites = sitesOf(users, ports);
      // Otherwise every start of the operator would report no violation for a moment.
      if (isObserved(policy.status) && sites.some(({ site }) => site === 'pending'))
        return { outcome: unchanged(PAUSE), status: {} };
      const violations = await violationsAt(policy, sites, ports);
      looked.set(uid, { at: ports.now(), generation });
      return {
        outcome: outcomeOf(policy, sites),
        status: statusOf(namespace, users, violations),
        events: newsOf(policy, namespace, violations),
      };
    },
  };
}

interface At {
  /** `pending`: the Provider is not connected yet. `none`: it cannot be reached. */
  readonly site: { readonly of: Site; readonly connection: Connection } | 'pending' | 'none';
  readonly provider: Readable<Provider> | undefined;
  readonly users: readonly VM[];
}

/** By Provider. */
function sitesOf(users: readonly VM[], ports: VMPlacementPolicyPorts): readonly At[] {
  const byProvider = Map.groupBy(users, (vm) => Object.values(providerOf(vm)).join('/'));
  return [...byProvider.values()].map((all) => {
    const { namespace, name } = providerOf(all[0]);
    const connection = ports.connections.get(namespace, name);
    const view = connection?.inventory.view();
    const provider = ports.providers.partial(namespace, name);
    if (!connection || !view)
      return {
        provider,
        users: all,
        site: ports.connections.isPending(namespace, name) ? 'pending' : 'none',
      };
    const { ledger } = connection;
    const of = { ...ports, view, ledger, destinations: ledger.destinations(view) };
    return { provider, users: all, site: { of, connection } };
  });
}

const providerOf = (vm: VM | undefined): { readonly namespace: string; readonly name: string } => ({
  namespace: vm?.spec.providerRef?.namespace ?? vm?.metadata.namespace ?? '',
  name: vm?.spec.providerRef?.name ?? '',
});

async function violationsAt(
  policy: VMPlacementPolicy,
  sites: readonly At[],
  ports: VMPlacementPolicyPorts,
): Promise<readonly Violation[]> {
  const all: Violation[] = [];
  for (const { site, provider, users } of sites) {
    if (typeof site === 'string') continue;
    const facts = {
      rules: policy.spec,
      peers: countedBy(policy, policy.metadata.namespace, { site: site.of, vmsIn: ports.vmsIn }),
      around: [],
      eligible: eligibleIn(site.of.view, site.connection.nodeSelector),
      zoneOf: zonesOf(provider),
    };
    all.push(...(await inSlices(violationsOf(policy, users, { facts, site: site.of }))));
  }
  return all.toSorted((a, b) => textOf(a).localeCompare(textOf(b)));
}

const textOf = ({ vm: { metadata }, node }: Violation): string =>
  `${metadata.namespace}/${metadata.name} ${node}`;

/** Names of VMs in other namespaces are not for those who may read the policy. */
const nameOf = (namespace: string, { vm: { metadata } }: Violation): string =>
  metadata.namespace === namespace ? `${namespace}/${metadata.name}` : metadata.namespace;

const statusOf = (
  namespace: string,
  users: readonly VM[],
  violations: readonly Violation[],
): VMPlacementPolicyStatus => ({
  users: users.length,
  violationCount: violations.length,
  ...(violations.length > 0 && {
    violations: violations.slice(0, MAX_VIOLATIONS).map((violation) => ({
      vm: nameOf(namespace, violation),
      node: violation.node,
      message: violation.message,
    })),
  }),
});

/** A node that no cluster has is a mistake in writing. */
function outcomeOf({ spec }: VMPlacementPolicy, sites: readonly At[]): Outcome {
  const known = sites.flatMap(({ site }) => (typeof site === 'string' ? [] : [site.of.view.nodes]));
  if (known.length > 0) {
    const there = new Set(known.flat().map(({ name }) => name));
    const missing = (spec.nodeSelector ?? []).filter((node) => !there.has(node));
    if (missing.length > 0)
      return stalled(
        'NodeNotFound',
        `spec.nodeSelector names ${missing.slice(0, MAX_NAMED).join(', ')}, which no cluster of its VMs has. Nodes there are ${closestOf(missing[0] ?? '', [...there])}. Correct spec.nodeSelector.`,
        LATER,
      );
  }
  return sites.some(({ site }) => typeof site === 'string')
    ? waiting(
        Reasons.providerNotReady,
        'A Provider of its VMs is not connected to Proxmox VE, so where these are is not known. Reconciliation resumes once it is.',
        LATER,
      )
    : settled(LATER);
}

/** Once when there are more than before: which VMs they are, status says. */
function newsOf(
  { status }: VMPlacementPolicy,
  namespace: string,
  violations: readonly Violation[],
): readonly EventNote[] {
  if (violations.length <= (status?.violationCount ?? 0)) return [];
  const known = new Set(status?.violations?.map(({ vm, node }) => `${vm} ${node}`));
  const named = violations
    .map((violation) => ({ ...violation, text: nameOf(namespace, violation) }))
    .filter(({ text, node }) => !known.has(`${text} ${node}`))
    .slice(0, MAX_NAMED)
    .map(({ text, node, message }) => `${text} is on ${node}: ${message}`);
  const more = violations.length - named.length;
  return [
    warning(
      'PolicyViolated',
      `${violations.length} ${violations.length === 1 ? 'VM is' : 'VMs are'} where the policy would not place them, and no VM is moved for it. ${named.join('; ')}${more > 0 && named.length === MAX_NAMED ? `; status.violations lists them` : ''}.`,
    ),
  ];
}
