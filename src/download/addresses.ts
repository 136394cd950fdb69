/**
 * To which addresses a download may lead. A URL is chosen by a tenant and fetched by the operator, which may reach what
 * the tenant may not: its own machine, and the metadata services of clouds, which give away credentials. Pure.
 */
import ipaddr from 'ipaddr.js';

/** Ranges of ipaddr.js that lead to this machine, to the link, or to nobody. */
const REFUSED_RANGES: ReadonlySet<string> = new Set([
  'unspecified',
  'loopback',
  'linkLocal',
  'multicast',
  'broadcast',
  'reserved',
]);

/** Metadata services outside of the link-local ranges: Alibaba Cloud, Oracle Cloud, AWS. */
const METADATA: ReadonlySet<string> = new Set(['100.100.100.200', '192.0.0.192', 'fd00:ec2::254']);

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** `0.0.0.0/8` reaches this machine, and not only by its first address. */
const isThisNetwork = (address: Address): boolean =>
  address instanceof ipaddr.IPv4 && address.octets[0] === 0;

/** Where the bytes of an IPv4 address are in an IPv6 address of a range. */
const EMBEDDED: ReadonlyMap<string, number> = new Map([
  ['ipv4Mapped', 12],
  ['rfc6052', 12],
  ['rfc6145', 12],
  ['6to4', 2],
]);

/** The IPv4 address that an IPv6 address stands for: mapped, or behind NAT64 or 6to4. */
function embedded(address: Address): ipaddr.IPv4 | undefined {
  if (address instanceof ipaddr.IPv4) return undefined;
  const bytes = address.toByteArray();
  const at = EMBEDDED.get(address.range());
  if (at !== undefined) return new ipaddr.IPv4(bytes.slice(at, at + 4));
  // Deprecated, and still routed to IPv4 by some systems: ::a.b.c.d
  const isCompatible = bytes.slice(0, 12).every((byte) => byte === 0) && address.range() === 'unicast';
  return isCompatible ? new ipaddr.IPv4(bytes.slice(12)) : undefined;
}

/** @param text an IP address; anything else is refused */
export function mayConnectTo(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.parse(text);
  const inner = embedded(address);
  if (inner) return mayConnectTo(inner.toString());
  return !REFUSED_RANGES.has(address.range()) && !isThisNetwork(address) && !METADATA.has(address.toString());
}
