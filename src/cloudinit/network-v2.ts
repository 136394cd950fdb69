/**
 * Builds a network-config of version 2. Only it can say that a gateway outside the subnet is on the link; version 1, and
 * so PVE, cannot, and netplan then sets up no default route. cloud-init since 23.1 adds this for version 1 itself.
 */
import type { CloudInitNic, Resolver } from './input.ts';
import { defaultRoutes, interfaceName } from './network.ts';
import { printYaml } from './yaml.ts';

/** netplan before 0.103 and cloud-init before 23 do not accept `default` and would ignore the whole file. */
const DEFAULT_ROUTES = { 4: '0.0.0.0/0', 6: '::/0' } as const;

export const networkConfigV2 = (nics: readonly CloudInitNic[], resolver: Resolver): string =>
  printYaml({
    version: 2,
    ethernets: Object.fromEntries(nics.map((nic) => [interfaceName(nic), ethernet(nic, resolver)])),
  });

function ethernet(nic: CloudInitNic, resolver: Resolver): object {
  const routes = defaultRoutes(nic).map(({ family, gateway, onLink }) => ({
    to: DEFAULT_ROUTES[family],
    via: gateway,
    ...(onLink && { 'on-link': true }),
  }));
  return {
    match: { macaddress: nic.mac?.toLowerCase() },
    // Without it cloud-init before 22.2 takes the key of the entry for the name, and matches no MAC address.
    'set-name': interfaceName(nic),
    dhcp4: nic.dhcp4,
    ...(nic.ipv6 === 'dhcp' && { dhcp6: true }),
    // Distributions have different defaults for router advertisements.
    ...(nic.ipv6 === 'auto' && { 'accept-ra': true }),
    ...(nic.addresses.length > 0 && { addresses: nic.addresses, ...nameservers(resolver) }),
    ...(routes.length > 0 && { routes }),
  };
}

/** On every NIC with fixed addresses, as cloud-init does for netplan with the servers in a file of version 1. */
function nameservers({ dns, search }: Resolver): object {
  if (dns.length + search.length === 0) return {};
  return {
    nameservers: { ...(search.length > 0 && { search }), ...(dns.length > 0 && { addresses: dns }) },
  };
}
