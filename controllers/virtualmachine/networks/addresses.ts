/** Selects the VM's addresses from those that the guest agent reports. Pure. */
import ipaddr from 'ipaddr.js';
import type { NicAddresses } from '../model/facts.ts';
import type { Nic } from '../../shared/guests/model.ts';

/** One interface as the guest sees it. */
export interface GuestInterface {
  readonly mac: string | undefined;
  readonly addresses: readonly string[];
}

/** Loopback and link-local addresses lead nowhere from outside. */
function isReachable(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const range = ipaddr.process(address).range();
  return !['loopback', 'linkLocal', 'unspecified', 'multicast'].includes(range);
}

/** The guest decides how many it reports for one NIC; status has room for fewer. */
const MAX_ADDRESSES = 256;

/**
 * Addresses by NIC, in the order of the NICs, as the guest lists them. Interfaces are matched by MAC address, which excludes the
 * interfaces that the guest creates itself (docker0, cni0, veth…).
 */
export function addressesByNic(nics: readonly Nic[], interfaces: readonly GuestInterface[]): NicAddresses[] {
  return nics.map((nic) => {
    const own = interfaces.filter(
      (i) => nic.mac !== undefined && i.mac?.toLowerCase() === nic.mac.toLowerCase(),
    );
    return {
      device: nic.device,
      addresses: [
        ...new Set(
          own
            .flatMap((i) => i.addresses)
            .slice(0, MAX_ADDRESSES)
            .filter(isReachable),
        ),
      ],
    };
  });
}

interface Known {
  /** Addresses that the spec gives the NIC, in order. */
  readonly spec: readonly string[];
  /** The addresses of the NIC in status. */
  readonly before: readonly string[];
}

/**
 * The order in which addresses of a NIC are reported: those of the spec, then IPv4 before IPv6, then those that were
 * reported before, then as the guest lists them. A guest lists the address that it had first before those that were added
 * to it, such as virtual IPs and container networks on the same MAC, and one that was first stays first.
 */
export function inOrder(addresses: readonly string[], { spec, before }: Known): readonly string[] {
  const wanted = spec.map(canonical);
  const ranks = (address: string): readonly number[] => [
    placeIn(wanted, canonical(address)),
    address.includes(':') ? 1 : 0,
    placeIn(before, address),
  ];
  return addresses.toSorted((a, b) => compare(ranks(a), ranks(b)));
}

const placeIn = (list: readonly string[], address: string): number => {
  const at = list.indexOf(address);
  return at < 0 ? list.length : at;
};

const compare = (a: readonly number[], b: readonly number[]): number =>
  a.map((rank, at) => rank - (b[at] ?? 0)).find((difference) => difference !== 0) ?? 0;

/** An IPv6 address has several forms. */
const canonical = (address: string): string =>
  ipaddr.isValid(address) ? ipaddr.parse(address).toString() : address;
