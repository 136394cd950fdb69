/** Fixed addresses and MACs that two VMs of one PVE cluster would both have. Pure; it asks nothing of PVE. */
import ipaddr from 'ipaddr.js';
import { ALLOW_DUPLICATES, type Provider, type VirtualMachine } from '../../../src/api/index.ts';
import { parseCidr } from '../../../src/lib/ip.ts';
import type { ObjectReader } from '../../../src/runtime/controller.ts';
import { isSameCluster, parseIdentity } from '../../shared/cluster/identity.ts';
import type { Unresolved } from '../model/desired.ts';
import type { AddressConflict } from '../model/resolved-spec.ts';

export interface AddressPorts {
  /** The VMs whose spec gives them this address or MAC, in whatever cluster. */
  readonly addressed: (value: string) => readonly VirtualMachine[];
  readonly providers: ObjectReader<Provider>;
}

const ADDRESS = 'address ';
const MAC = 'MAC address ';

/** Everything that a VM's spec gives to this VM alone, in the one form that is compared. */
export const exclusiveValues = ({ spec }: Pick<VirtualMachine, 'spec'>): readonly string[] => [
  ...new Set(
    (spec.networks ?? []).flatMap(({ staticIP, ipv6, mac }) => [
      ...addressesIn(staticIP?.address, ipv6?.address),
      ...(mac === undefined ? [] : [`${MAC}${mac.toUpperCase()}`]),
    ]),
  ),
];

/** `auto` and `dhcp` are no addresses; an IPv6 address has many spellings. */
const addressesIn = (...texts: readonly (string | undefined)[]): readonly string[] =>
  texts.flatMap((text) => {
    const cidr = parseCidr(text ?? '');
    return cidr ? [`${ADDRESS}${ipaddr.parse(cidr.address).toString()}`] : [];
  });

/** The VM that was first, for the first address or MAC that there is one for. */
export function addressConflictOf(vm: VirtualMachine, ports: AddressPorts): AddressConflict | undefined {
  if (vm.metadata.annotations[ALLOW_DUPLICATES] === 'true') return undefined;
  for (const what of exclusiveValues(vm)) {
    const [first] = ports
      .addressed(what)
      .filter((other) => other.metadata.uid !== vm.metadata.uid)
      .filter((other) => isBefore(other, vm) && areInOneCluster(vm, other, ports.providers))
      .toSorted((a, b) => (isBefore(a, b) ? -1 : 1));
    if (first) return { what, holder: keyOf(first) };
  }
  return undefined;
}

const keyOf = ({ metadata }: VirtualMachine): string => `${metadata.namespace}/${metadata.name}`;

/** One that has a guest, or is about to, keeps its addresses; else the older object does. */
function isBefore(a: VirtualMachine, b: VirtualMachine): boolean {
  const order = ({ metadata, status }: VirtualMachine): string =>
    [
      status?.vmid === undefined ? 1 : 0,
      metadata.creationTimestamp ?? '',
      metadata.namespace,
      metadata.name,
    ].join('/');
  return order(a) < order(b);
}

/** Providers that never were connected have no cluster, and their VMs no guests. */
function areInOneCluster(a: VirtualMachine, b: VirtualMachine, providers: ObjectReader<Provider>): boolean {
  const [of, other] = [providerOf(a, providers), providerOf(b, providers)];
  if (!of || !other) return false;
  if (of.metadata.uid === other.metadata.uid) return true;
  const [id, otherId] = [of.status?.clusterID, other.status?.clusterID];
  return (
    id !== undefined && otherId !== undefined && isSameCluster(parseIdentity(id), parseIdentity(otherId))
  );
}

const providerOf = (
  { metadata, spec: { providerRef } }: VirtualMachine,
  providers: ObjectReader<Provider>,
): Provider | undefined => providers.get(providerRef.namespace ?? metadata.namespace, providerRef.name);

/** Why a VM that has no guest yet gets none. */
export const addressInUse = ({ what, holder }: AddressConflict): Unresolved => ({
  ok: false,
  reason: 'AddressInUse',
  message:
    `The ${what} belongs to VirtualMachine "${holder}" in the same Proxmox VE cluster, so this VM is not created. ` +
    `It is as soon as that one no longer has it; or give this one another in spec.networks. ` +
    `If their networks do not touch, annotate this object with ${ALLOW_DUPLICATES}: "true".`,
});

/** The same of a VM that runs already. */
export const sharedAddress = ({ what, holder }: AddressConflict): string =>
  `The ${what} belongs to VirtualMachine "${holder}" too: give one of them another in spec.networks.`;
