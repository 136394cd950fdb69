/** Parses IP addresses and CIDRs by the rules of the API server's CEL functions `ip()` and `cidr()`. */
import { BlockList, isIP } from 'node:net';

export type IpFamily = 4 | 6;

export interface Cidr {
  readonly address: string;
  readonly prefix: number;
  readonly family: IpFamily;
}

/** The family of an address; `undefined` for anything else, including zones (`fe80::1%eth0`) and IPv4-mapped IPv6 addresses. */
export function ipFamily(text: string): IpFamily | undefined {
  const family = isIP(text);
  if (family === 4) return 4;
  if (family !== 6 || text.includes('%')) return undefined;
  // URL prints the canonical form of an IPv6 address.
  const canonical = new URL(`http://[${text}]`).hostname;
  return /^\[::ffff:[0-9a-f]+:[0-9a-f]+\]$/.test(canonical) ? undefined : 6;
}

/** Parses an address with prefix length. Host bits may be set, as in `192.168.1.100/24`. */
export function parseCidr(text: string): Cidr | undefined {
  const [, address = '', digits = ''] = /^([^/]+)\/(0|[1-9][0-9]{0,2})$/.exec(text) ?? [];
  const family = ipFamily(address);
  const prefix = Number(digits);
  if (family === undefined || prefix > (family === 4 ? 32 : 128)) return undefined;
  return { address, prefix, family };
}

const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');

/**
 * Whether a host with this address reaches the gateway directly: it is in the subnet, or on the link by definition. An
 * address that is a subnet of its own, /32 or /128, says nothing about its link.
 */
export function isOnLink(gateway: string, { address, prefix, family }: Cidr): boolean {
  if (prefix === (family === 4 ? 32 : 128)) return true;
  const subnet = new BlockList();
  subnet.addSubnet(address, prefix, `ipv${family}`);
  const at = `ipv${ipFamily(gateway) ?? family}` as const;
  return LINK_LOCAL.check(gateway, at) || subnet.check(gateway, at);
}

/** Whether it is the first address of an IPv4 subnet, which no host can have. */
export function isNetworkAddress({ address, prefix, family }: Cidr): boolean {
  if (family === 6 || prefix >= 31) return false;
  const number = address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  return number % 2 ** (32 - prefix) === 0;
}
