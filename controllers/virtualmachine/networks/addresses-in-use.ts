/** Static addresses and MAC addresses that two VMs of one PVE cluster have in common. Pure. */
import ipaddr from 'ipaddr.js';
import { ALLOW_DUPLICATES, type Provider, type VirtualMachine } from '../../../src/api/index.ts';
import { parseCidr } from '../../../src/lib/ip.ts';
import type { ObjectReader, Readable } from '../../../src/runtime/controller.ts';
import { namedFor } from '../../shared/objects/named-for.ts';
import { grantOf } from '../../shared/grants/grants.ts';
import type { Namespaces } from '../../shared/grants/namespaces.ts';
import { keptEvidence, provesOtherCluster } from '../../shared/cluster/evidence.ts';
import { isSameCluster, parseIdentity } from '../../shared/cluster/identity.ts';
import type { Unresolved } from '../model/desired.ts';
import type { AddressConflict } from '../model/resolved-spec.ts';

export interface AddressPorts {
  /** The VMs with this address or MAC address in their spec, in all clusters. */
  readonly addressed: (value: string) => readonly Readable<VirtualMachine>[];
  readonly providers: ObjectReader<Provider>;
  readonly namespaces: Namespaces;
}

const ADDRESS = 'address ';
const MAC = 'MAC address ';

/** The addresses in a VM's spec that only one VM may have, in canonical form. */
export const exclusiveValues = ({ spec }: Pick<Readable<VirtualMachine>, 'spec'>): readonly string[] => [
  ...new Set(
    (spec.networks ?? []).flatMap(({ staticIP, ipv6, mac }) => [
      ...addressesIn(staticIP?.address, ipv6?.address),
      ...(mac === undefined ? [] : [`${MAC}${mac.toUpperCase()}`]),
    ]),
  ),
];

/** Ignores `auto` and `dhcp`. Prints the canonical form, because an IPv6 address has several. */
const addressesIn = (...texts: readonly (string | undefined)[]): readonly string[] =>
  texts.flatMap((text) => {
    const cidr = parseCidr(text ?? '');
    return cidr ? [`${ADDRESS}${ipaddr.parse(cidr.address).toString()}`] : [];
  });

/** The first conflict, with the VM that has the address. */
export function addressConflictOf(vm: VirtualMachine, ports: AddressPorts): AddressConflict | undefined {
  if (vm.metadata.annotations[ALLOW_DUPLICATES] === 'true') return undefined;
  for (const what of exclusiveValues(vm)) {
    const [first] = ports
      .addressed(what)
      .filter((other) => other.metadata.uid !== vm.metadata.uid)
      .filter((other) => isBefore(other, vm) && mayShareCluster(vm, other, ports))
      .toSorted((a, b) => (isBefore(a, b) ? -1 : 1));
    if (first) return { what, holder: namedFor(vm.metadata.namespace, 'VirtualMachine', first.metadata) };
  }
  return undefined;
}

/** A VM with a VMID has priority; otherwise the older object has. */
function isBefore(a: Readable<VirtualMachine>, b: Readable<VirtualMachine>): boolean {
  const order = ({ metadata, status }: Readable<VirtualMachine>): string =>
    [
      status?.vmid === undefined ? 1 : 0,
      metadata.creationTimestamp ?? '',
      metadata.namespace,
      metadata.name,
    ].join('/');
  return order(a) < order(b);
}

/** Whoever merely names a Provider has no address through it. */
const mayHold = (
  { metadata, status }: Readable<VirtualMachine>,
  provider: Readable<Provider>,
  namespaces: Namespaces,
): boolean => status?.vmid !== undefined || grantOf(provider, metadata.namespace, namespaces) !== undefined;

/** VMs of a Provider that was never connected have no guests. A VM that has one may be anywhere if its cluster is not known. */
function mayShareCluster(
  vm: VirtualMachine,
  other: Readable<VirtualMachine>,
  { providers, namespaces }: Pick<AddressPorts, 'providers' | 'namespaces'>,
): boolean {
  const [mine, theirs] = [providerOf(vm, providers), providerOf(other, providers)];
  if (theirs && !mayHold(other, theirs, namespaces)) return false;
  if (mine && mine.metadata.uid === theirs?.metadata.uid) return true;
  if (mine && theirs && provesOtherCluster(keptEvidence(mine), keptEvidence(theirs))) return false;
  const [id, otherId] = [mine, theirs].map((provider) => provider?.status?.clusterID);
  if (id === undefined) return false;
  return otherId === undefined
    ? other.status?.vmid !== undefined
    : isSameCluster(parseIdentity(id), parseIdentity(otherId));
}

function providerOf(
  { metadata, spec: { providerRef } }: Readable<VirtualMachine>,
  providers: ObjectReader<Provider>,
): Readable<Provider> | undefined {
  return providerRef && providers.partial(providerRef.namespace ?? metadata.namespace, providerRef.name);
}

/** Why a VM without a guest is not created. */
export const addressInUse = ({ what, holder }: AddressConflict): Unresolved => ({
  ok: false,
  reason: 'AddressInUse',
  message:
    `The ${what} belongs to ${holder} in the same Proxmox VE cluster, so this VM is not created. ` +
    `Creation resumes once that VM no longer has it. Otherwise change spec.networks of this VM. ` +
    `If the networks are not connected, annotate this VM with ${ALLOW_DUPLICATES}: "true".`,
});

/** The same conflict of a VM that has a guest. */
export const sharedAddress = ({ what, holder }: AddressConflict): string =>
  `The same ${what} belongs to ${holder}. Change it in spec.networks of one of the VMs. If the networks are not connected, annotate this VM with ${ALLOW_DUPLICATES}: "true".`;
