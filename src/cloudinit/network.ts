/** Addresses of NICs, for PVE's ipconfig keys and as a network-config of version 2. */
import { ipFamily, parseCidr, type IpFamily } from '../lib/ip.ts';
import type { Result } from '../lib/result.ts';
import type { CloudInitNic } from './input.ts';
import { printYaml } from './yaml.ts';

const GATEWAYS = { 4: 'gateway4', 6: 'gateway6' } as const;
/** netplan before 0.103 and cloud-init before 23 do not accept `default` and would ignore the whole file. */
const DEFAULT_ROUTES = { 4: '0.0.0.0/0', 6: '::/0' } as const;
const FAMILIES = [4, 6] as const;

const ofFamily = (nic: CloudInitNic, family: IpFamily): readonly string[] =>
  nic.addresses.filter((address) => parseCidr(address)?.family === family);

/** Returns why the addresses are invalid; `undefined` if they are valid. */
export function networkProblem(nics: readonly CloudInitNic[]): string | undefined {
  for (const nic of nics) {
    const address = nic.addresses.find((each) => !parseCidr(each));
    if (address !== undefined)
      return `${nic.device}: "${address}" is not an address with a prefix length. Use the form 192.168.1.100/24.`;
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
    : `${nic.device}: the gateway "${gateway}" requires an IPv${family} address on the same network. Add the address, or remove the gateway.`;
}

/** Whether an ipconfig key can express the NIC: one address per family, or DHCP. */
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

/** The DNS servers of all NICs: PVE has one list per guest. */
export const dnsServers = (nics: readonly CloudInitNic[]): readonly string[] => [
  ...new Set(nics.flatMap(({ dns }) => dns)),
];

/** The search domains of all NICs. */
export const searchDomains = (nics: readonly CloudInitNic[]): readonly string[] => [
  ...new Set(nics.flatMap(({ search = [] }) => search)),
];

/**
 * Returns the file network-config. It matches NICs by MAC address, and the guest chooses their names. `undefined` without
 * NICs; cloud-init then uses its default, DHCP on the first NIC.
 */
export function networkConfig(nics: readonly CloudInitNic[]): Result<string | undefined> {
  if (nics.length === 0) return { value: undefined };
  const unknown = nics.find(({ mac }) => mac === undefined);
  if (unknown)
    return {
      problem: `The MAC address of ${unknown.device} is not known yet. Its addresses are assigned once it is known.`,
    };
  return {
    value: printYaml({
      version: 2,
      ethernets: Object.fromEntries(nics.map((nic) => [nic.device, ethernet(nic)])),
    }),
  };
}

function nameservers({ dns, search = [] }: CloudInitNic): object {
  if (dns.length + search.length === 0) return {};
  return {
    nameservers: {
      ...(search.length > 0 && { search }),
      ...(dns.length > 0 && { addresses: dns }),
    },
  };
}

function ethernet(nic: CloudInitNic): object {
  const routes = FAMILIES.flatMap((family) => {
    const via = nic[GATEWAYS[family]];
    return via === undefined ? [] : [{ to: DEFAULT_ROUTES[family], via }];
  });
  return {
    match: { macaddress: nic.mac?.toLowerCase() },
    dhcp4: nic.dhcp4,
    ...(nic.ipv6 === 'dhcp' && { dhcp6: true }),
    // Distributions have different defaults for router advertisements.
    ...(nic.ipv6 === 'auto' && { 'accept-ra': true }),
    ...(nic.addresses.length > 0 && { addresses: nic.addresses }),
    ...(routes.length > 0 && { routes }),
    ...nameservers(nic),
  };
}
