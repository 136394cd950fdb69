/** The VMs of a namespace as placement policies count them, and where they are. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { View } from '../../../src/pve/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import type { Connection, Connections } from '../cluster/connections.ts';
import type { Reservation } from '../cluster/ledger.ts';
import { policyOf, type PolicyReaders } from './policies.ts';
import type { Peer } from './rules.ts';

type VM = Readable<VirtualMachine>;

/** One PVE cluster. */
export interface Site extends PolicyReaders {
  readonly view: View;
  readonly ledger: Connection['ledger'];
  readonly connections: Connections;
  /** As the ledger knows them. */
  readonly destinations: ReadonlyMap<string, Pick<Reservation, 'node' | 'vmid'>>;
}

/** `unknown`: its Provider is not connected. */
export function isHere({ metadata, spec }: VM, { connections, ledger }: Site): boolean | 'unknown' {
  const { namespace = metadata.namespace, name = '' } = spec.providerRef ?? {};
  const connection = connections.get(namespace, name);
  return connection ? connection.ledger === ledger : 'unknown';
}

/**
 * A VM that is being made counts where it is to be. One of a Provider that is not connected yet counts where it was last
 * seen: nodes of another cluster hardly have the same names.
 */
export function nodesOf(vm: VM, site: Site): readonly NodeName[] {
  const here = isHere(vm, site);
  if (here === false) return [];
  const { placement, createdAt } = vm.status ?? {};
  const isMade = createdAt !== undefined;
  const to = site.destinations.get(vm.metadata.uid)?.node ?? (isMade ? undefined : placement?.node);
  const at = to === undefined || isMade ? lastSeen(vm, here, site) : undefined;
  return [...new Set([to, at].filter((each) => each !== undefined))];
}

function lastSeen({ status }: VM, here: boolean | 'unknown', { view }: Site): NodeName | undefined {
  const { vmid, node } = status ?? {};
  const row = here === true && vmid !== undefined ? view.guests.get(vmid) : undefined;
  return row?.node ?? node;
}

/** @param from names of VMs in other namespaces than this one are not said */
export function peersIn(vms: readonly VM[], from: string, site: Site): readonly Peer[] {
  return vms.flatMap((vm): Peer[] => {
    const nodes = nodesOf(vm, site);
    if (nodes.length === 0) return [];
    const { uid, name, namespace, labels } = vm.metadata;
    const row = vm.status?.vmid === undefined ? undefined : site.view.guests.get(vm.status.vmid);
    const policy = policyOf(vm, site);
    const antiAffinity = policy?.metadata.namespace === namespace ? policy.spec.antiAffinity : undefined;
    return [
      {
        uid,
        text: namespace === from ? `VirtualMachine ${name}` : 'a VirtualMachine of another namespace',
        labels,
        tags: lowered(isHere(vm, site) === true ? row?.tags : []),
        nodes,
        ...(antiAffinity && { antiAffinity }),
      },
    ];
  });
}

const lowered = (tags: readonly string[] = []): readonly string[] => tags.map((tag) => tag.toLowerCase());

/** Guests that are none of the VMs. @param known their VMIDs */
export const strangersIn = ({ view }: Site, known: ReadonlySet<number>): readonly Peer[] =>
  [...view.guests.values()]
    .filter(
      ({ vmid, type, template, tags }) => type === 'qemu' && !template && tags.length > 0 && !known.has(vmid),
    )
    .map(({ tags, node }) => ({
      text: 'a guest with this tag',
      labels: {},
      tags: lowered(tags),
      nodes: [node],
    }));
