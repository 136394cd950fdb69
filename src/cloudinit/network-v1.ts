/**
 * Builds a network-config of version 1, word for word what PVE writes for the same NICs (qemu-server, Cloudinit.pm,
 * nocloud_network). Every cloud-init finds the NIC by its MAC address there; with version 2 those before 22.2 take the
 * key of an entry for the name of the interface. Afterburn, which sets up the network of guests that use Ignition, reads
 * no other version.
 */
import ipaddr from 'ipaddr.js';
import { parseCidr } from '../lib/ip.ts';
import type { CloudInitNic, Resolver } from './input.ts';
import { interfaceName } from './network.ts';
import { printYaml } from './yaml.ts';

export const networkConfigV1 = (nics: readonly CloudInitNic[], { dns, search }: Resolver): string =>
  printYaml({
    version: 1,
    config: [
      ...nics.map((nic) => ({
        type: 'physical',
        name: interfaceName(nic),
        mac_address: nic.mac?.toLowerCase(),
        subnets: subnetsOf(nic),
      })),
      ...(dns.length + search.length > 0
        ? [
            {
              type: 'nameserver',
              ...(dns.length > 0 && { address: dns }),
              ...(search.length > 0 && { search }),
            },
          ]
        : []),
    ],
  });

const AUTOMATIC = { auto: 'ipv6_slaac', dhcp: 'dhcp6' } as const;

/** A gateway belongs to the first address of its family: with a second one, ifupdown would add its route twice and fail. */
function subnetsOf({ dhcp4, addresses, gateway4, gateway6, ipv6 }: CloudInitNic): readonly object[] {
  const isOf = (family: 4 | 6) => (text: string) => parseCidr(text)?.family === family;
  const withGateway = (gateway: string | undefined, index: number): object =>
    index === 0 && gateway !== undefined ? { gateway } : {};
  return [
    ...(dhcp4 ? [{ type: 'dhcp4' }] : []),
    ...addresses.filter(isOf(4)).map((text, n) => ({ ...subnet4(text), ...withGateway(gateway4, n) })),
    ...(ipv6 ? [{ type: AUTOMATIC[ipv6] }] : []),
    ...addresses
      .filter(isOf(6))
      .map((address, n) => ({ type: 'static6', address, ...withGateway(gateway6, n) })),
  ];
}

function subnet4(text: string): object {
  const { address = text, prefix = 32 } = parseCidr(text) ?? {};
  const netmask = ipaddr.IPv4.subnetMaskFromPrefixLength(prefix).toString();
  return { type: 'static', address, netmask };
}
