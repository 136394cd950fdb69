/** The Providers that have, or are to have, HA rules of a policy. */
import type { Provider, VirtualMachine, VMPlacementPolicy } from '../../../src/api/index.ts';
import { nodeName, type NodeName, type Vmid } from '../../../src/lib/units.ts';
import type { View } from '../../../src/pve/index.ts';
import type { ObjectReader, Readable } from '../../../src/runtime/controller.ts';
import type { Connection, Connections } from '../../shared/cluster/connections.ts';
import { managesHaRules } from '../../shared/cluster/ha-rules.ts';
import { grantOf } from '../../shared/grants/grants.ts';
import type { Namespaces } from '../../shared/grants/namespaces.ts';
import type { UsersOf } from '../../shared/objects/in-use.ts';
import type { HaRuleEntry, Named } from './naming.ts';
import { tagsInPve } from '../../shared/placement/terms.ts';
import type { RuleVm } from './wanted.ts';
import { providerKeyOf } from '../../shared/objects/provider-of.ts';

type VM = Readable<VirtualMachine>;

export interface PlacePorts {
  readonly providers: ObjectReader<Provider>;
  readonly connections: Connections;
  readonly namespaces: Namespaces;
  /** VMs that the policy applies to, by their own reference or by that of their Provider. */
  readonly policyUsers: UsersOf;
}

export interface Place {
  readonly provider: Named;
  readonly object: Readable<Provider> | undefined;
  readonly users: readonly VM[];
  /** What status says of its rules: as long as it says something, there may be rules. */
  readonly before: readonly HaRuleEntry[];
  /** The rules are to say what the policy says. Otherwise they are to go. */
  readonly manages: boolean;
}

const keyOf = ({ namespace, name }: Named): string => `${namespace}/${name}`;

/**
 * Those that ask for rules and whose VMs use the policy, and those that status names.
 * @param isEnding the policy is being deleted, and nothing uses it
 */
export function placesOf(
  { metadata, spec, status }: VMPlacementPolicy,
  isEnding: boolean,
  { providers, policyUsers }: PlacePorts,
): readonly Place[] {
  const users = new Map<string, VM[]>();
  for (const vm of isEnding ? [] : policyUsers(metadata.namespace, metadata.name)) {
    const key = providerKeyOf(vm);
    const known = users.get(key);
    if (known) known.push(vm);
    else users.set(key, [vm]);
  }
  const before = status?.haRules ?? [];
  const saysSomething = [spec.nodeSelector, spec.antiAffinity, spec.affinity].some(
    (list) => list !== undefined && list.length > 0,
  );
  const keys = new Set([...users.keys(), ...before.map(({ providerRef }) => keyOf(providerRef))]);
  return [...keys].toSorted().flatMap((key) => {
    const [namespace = '', name = ''] = key.split('/');
    const object = providers.partial(namespace, name);
    const place: Place = {
      provider: { namespace, name },
      object,
      users: users.get(key) ?? [],
      before: before.filter(({ providerRef }) => keyOf(providerRef) === key),
      manages: saysSomething && users.has(key) && object !== undefined && managesHaRules(object.spec),
    };
    return place.manages || place.before.length > 0 ? [place] : [];
  });
}

export interface Reached {
  readonly connection: Connection;
  readonly view: View;
}

/** `undefined`: Proxmox VE does not answer, or what the Provider is for cannot be read yet. */
export function reach({ provider }: Place, { connections }: PlacePorts): Reached | undefined {
  const connection = connections.get(provider.namespace, provider.name);
  const view = connection?.inventory.view();
  return connection && view?.staleSince === undefined && view ? { connection, view } : undefined;
}

/** By VMID the VMs that have a guest there. */
export function guestsOf({ users }: Place, { view }: Reached): ReadonlyMap<Vmid, VM> {
  const found = new Map<Vmid, VM>();
  for (const vm of users) {
    const { vmid, createdAt } = vm.status ?? {};
    const row = vmid === undefined ? undefined : view.guests.get(vmid);
    if (vm.metadata.deletionTimestamp === undefined && createdAt !== undefined && row?.type === 'qemu')
      if (!row.template) found.set(row.vmid, vm);
  }
  return found;
}

/** @param namespace of the policy */
export const ruleVms = (
  guests: ReadonlyMap<Vmid, VM>,
  namespace: string,
  { view }: Pick<Reached, 'view'>,
): readonly RuleVm[] =>
  [...guests].map(([vmid, { metadata, spec }]) => ({
    vmid,
    uid: metadata.uid,
    isOwn: metadata.namespace === namespace,
    labels: metadata.labels,
    tags: tagsInPve(view.guests.get(vmid)?.tags),
    isLeftAlone: (spec.managementPolicy ?? 'Full') !== 'Full',
  }));

/** `undefined`: not known, or the namespace of the policy may no longer use the Provider. Absent `nodes`: all. */
export function allowedNodes(
  { object }: Place,
  { metadata }: VMPlacementPolicy,
  { connection, namespaces }: Reached & Pick<PlacePorts, 'namespaces'>,
): { readonly nodes?: readonly NodeName[] } | undefined {
  const grant = object && grantOf(object, metadata.namespace, namespaces);
  if (!grant) return undefined;
  const all: readonly (readonly NodeName[])[] = [connection.nodeSelector.map(nodeName), grant.nodes ?? []];
  const limits = all.filter((nodes) => nodes.length > 0);
  const [first, second] = limits;
  if (!first) return {};
  return { nodes: second ? first.filter((node) => second.includes(node)) : first };
}
