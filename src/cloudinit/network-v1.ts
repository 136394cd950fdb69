/**
 * Builds a network-config of version 1 in the format that PVE writes. Afterburn, which sets up the network of guests
 * that use Ignition, reads no other.
 */
import ipaddr from 'ipaddr.js';
import { parseCidr } from '../lib/ip.ts';
import type { CloudInitNic } from './input.ts';
import { dnsServers, searchDomains } from './network.ts';
import { printYaml } from './yaml.ts';

export function networkConfigV1(nics: readonly CloudInitNic[]): string | undefined {
  if (nics.length === 0) return undefined;
  const address = dnsServers(nics);
  const search = searchDomains(nics);
  return printYaml({
    version: 1,
    config: [
      ...nics.map((nic) => ({
        type: 'physical',
        name: nic.device.replace('net', 'eth'),
        mac_address: nic.mac?.toLowerCase(),
        subnets: subnetsOf(nic),
      })),
      ...(address.length + search.length > 0
        ? [
            {
              type: 'nameserver',
              ...(address.length > 0 && { address }),
              ...(search.length > 0 && { search }),
            },
          ]
        : []),
    ],
  });
}

const AUTOMATIC = { auto: 'ipv6_slaac', dhcp: 'dhcp6' } as const;

const subnetsOf = (nic: CloudInitNic): readonly object[] => [
  ...(nic.dhcp4 ? [{ type: 'dhcp4' }] : []),
  ...nic.addresses.map((address) => subnet(address, nic)),
  ...(nic.ipv6 ? [{ type: AUTOMATIC[nic.ipv6] }] : []),
];

function subnet(text: string, { gateway4, gateway6 }: CloudInitNic): object {
  const cidr = parseCidr(text);
  if (cidr?.family !== 4)
    return { type: 'static6', address: text, ...(gateway6 !== undefined && { gateway: gateway6 }) };
  const netmask = ipaddr.IPv4.subnetMaskFromPrefixLength(cidr.prefix).toString();
  return {
    type: 'static',
    address: cidr.address,
    netmask,
    ...(gateway4 !== undefined && { gateway: gateway4 }),
  };
}
