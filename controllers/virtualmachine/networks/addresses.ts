/** Which of the addresses that the guest agent reports are the VM's. Pure. */
import ipaddr from 'ipaddr.js';
import type { NicAddresses } from '../model/facts.ts';
import type { Nic } from '../../shared/guests/model.ts';

/** One interface as the guest sees it. */
export interface GuestInterface {
  readonly mac: string | undefined;
  readonly addresses: readonly string[];
}

/** Loopback and link-local addresses lead nowhere from outside. */
function reachable(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const range = ipaddr.process(address).range();
  return !['loopback', 'linkLocal', 'unspecified', 'multicast'].includes(range);
}

/** IPv4 before IPv6, then by number, so that the order never flickers. */
function byFamilyAndNumber(a: string, b: string): number {
  const [left, right] = [ipaddr.parse(a).toByteArray(), ipaddr.parse(b).toByteArray()];
  if (left.length !== right.length) return left.length - right.length;
  for (const [i, byte] of left.entries()) {
    const difference = byte - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Addresses by NIC, in the order of the NICs. Interfaces are matched by MAC: what the guest makes for itself
 * (docker0, cni0, veth…) has other MACs and is left out.
 */
export function addressesByNic(nics: readonly Nic[], interfaces: readonly GuestInterface[]): NicAddresses[] {
  return nics.map((nic) => {
    const own = interfaces.filter(
      (i) => nic.mac !== undefined && i.mac?.toLowerCase() === nic.mac.toLowerCase(),
    );
    const addresses = [...new Set(own.flatMap((i) => i.addresses).filter(reachable))].toSorted(
      byFamilyAndNumber,
    );
    return { device: nic.device, addresses };
  });
}
