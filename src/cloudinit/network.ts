/** Addresses of NICs: whether they are valid, what Proxmox VE's ipconfig keys can express, and the keys. */
import ipaddr from 'ipaddr.js';
import { ipFamily, isNetworkAddress, parseCidr, type IpFamily } from '../lib/ip.ts';
import type { CloudInitNic, Resolver } from './input.ts';

const GATEWAYS = { 4: 'gateway4', 6: 'gateway6' } as const;
const FAMILIES = [4, 6] as const;

const ofFamily = (nic: CloudInitNic, family: IpFamily): readonly string[] =>
  nic.addresses.filter((address) => parseCidr(address)?.family === family);

const isSubnet = (text: string): boolean => {
  const parsed = parseCidr(text);
  return parsed !== undefined && isNetworkAddress(parsed);
};

/** Returns why the addresses are invalid; `undefined` if they are valid. */
export function networkProblem(nics: readonly CloudInitNic[]): string | undefined {
  for (const nic of nics) {
    const address = nic.addresses.find((each) => !parseCidr(each));
    if (address !== undefined)
      return `${nic.device}: "${address}" is not an address with a prefix length. Use the form 192.168.1.100/24.`;
    const subnet = nic.addresses.find(isSubnet);
    if (subnet !== undefined)
      return `${nic.device}: "${subnet}" is the address of the subnet, which no host can have. Use one of its other addresses.`;
    const server = nic.dns.find((each) => !ipFamily(each));
    if (server !== undefined)
      return `${nic.device}: the DNS server "${server}" is not an IP address. Correct it.`;
    const problem = FAMILIES.map((family) => gatewayProblem(nic, family)).find((each) => each !== undefined);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function gatewayProblem(nic: CloudInitNic, family: IpFamily): string | undefined {
  const gateway = nic[GATEWAYS[family]];
  if (gateway === undefined) return undefined;
  if (ipFamily(gateway) !== family)
    return `${nic.device}: the gateway "${gateway}" is not an IPv${family} address. Correct it.`;
  return ofFamily(nic, family).length > 0
    ? undefined
    : `${nic.device}: the gateway "${gateway}" requires an IPv${family} address. Add the address, or remove the gateway.`;
}

export interface DefaultRoute {
  readonly family: IpFamily;
  readonly gateway: string;
  /** The gateway is outside the subnets of the NIC, but on its link. */
  readonly onLink: boolean;
}

export const defaultRoutes = (nic: CloudInitNic): readonly DefaultRoute[] =>
  FAMILIES.flatMap((family) => {
    const gateway = nic[GATEWAYS[family]];
    return gateway === undefined
      ? []
      : [{ family, gateway, onLink: !isReachable(gateway, ofFamily(nic, family)) }];
  });

/** A link-local address is on the link by definition. */
function isReachable(gateway: string, addresses: readonly string[]): boolean {
  const address = ipaddr.parse(gateway);
  return address.range() === 'linkLocal' || addresses.some((each) => address.match(ipaddr.parseCIDR(each)));
}

/** Whether the guest reaches a gateway only by a route that says that it is on the link. */
export const needsOnLink = (nic: CloudInitNic): boolean => defaultRoutes(nic).some(({ onLink }) => onLink);

/** Whether an ipconfig key has room for the addresses of the NIC: one per family, or DHCP. */
export const fitsIpConfig = (nic: CloudInitNic): boolean =>
  ofFamily(nic, 6).length + (nic.ipv6 ? 1 : 0) <= 1 && ofFamily(nic, 4).length + (nic.dhcp4 ? 1 : 0) <= 1;

/** Returns the value of ipconfig0 …; `undefined` for a NIC without addresses. */
export function ipConfig(nic: CloudInitNic): string | undefined {
  const [v4 = nic.dhcp4 ? 'dhcp' : undefined] = ofFamily(nic, 4);
  const [v6 = nic.ipv6] = ofFamily(nic, 6);
  const settings = { ip: v4, gw: nic.gateway4, ip6: v6, gw6: nic.gateway6 };
  const text = Object.entries(settings)
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]))
    .join(',');
  return text === '' ? undefined : text;
}

/** The NICs that the guest configures: PVE's network-config leaves the others out as well. */
export const configuredNics = (nics: readonly CloudInitNic[]): readonly CloudInitNic[] =>
  nics.filter((nic) => nic.dhcp4 || nic.ipv6 !== undefined || nic.addresses.length > 0);

/** As PVE names the interface in its network-config. */
export const interfaceName = ({ device }: CloudInitNic): string => device.replace('net', 'eth');

/** The DNS servers of all NICs: PVE has one list per guest. */
export const dnsServers = (nics: readonly CloudInitNic[]): readonly string[] => [
  ...new Set(nics.flatMap(({ dns }) => dns)),
];

export const resolverOf = (nics: readonly CloudInitNic[]): Resolver => ({
  dns: dnsServers(nics),
  search: [...new Set(nics.flatMap(({ search = [] }) => search))],
});
