/** Addresses of NICs as network_data.json of OpenStack. NICs are known by their MAC address. */
import ipaddr from 'ipaddr.js';
import { parseCidr } from '../lib/ip.ts';
import type { Result } from '../lib/result.ts';
import { networkDataOf } from './documents.ts';
import type { CloudInitInput, CloudInitNic } from './input.ts';
import { dnsServers } from './network.ts';

/** The file; `undefined` without NICs. The user's own text is delivered unchanged if it is of this format. */
export function networkDataJson({
  networkData,
  nics,
  documents,
}: Pick<CloudInitInput, 'networkData' | 'nics' | 'documents'>): Result<string | undefined> {
  if (networkData !== undefined) return ownNetworkData(networkData, documents);
  if (nics.length === 0) return { value: undefined };
  const data = {
    links: nics.map(({ device, mac }) => ({
      id: device,
      type: 'phy',
      ethernet_mac_address: mac?.toLowerCase(),
    })),
    networks: nics.flatMap(networksOf),
    services: dnsServers(nics).map((address) => ({ type: 'dns', address })),
  };
  return { value: `${JSON.stringify(data, undefined, 2)}\n` };
}

function ownNetworkData(text: string, documents: CloudInitInput['documents']): Result<string> {
  const read = networkDataOf(text, { documents });
  if ('problem' in read) return read;
  if (read.value.isJson) return { value: text };
  return {
    problem:
      'The template has a config drive (citype configdrive2, or a Windows system), and the network data is not what it takes: ' +
      'JSON with links and networks, as network_data.json of OpenStack. Write it so, or use spec.networks instead.',
  };
}

const AUTOMATIC = { auto: 'ipv6_slaac', dhcp: 'ipv6_dhcp' } as const;
const DEFAULT_NETWORKS = { 4: '0.0.0.0', 6: '::' } as const;

function networksOf(nic: CloudInitNic): readonly object[] {
  const networks = [
    ...(nic.dhcp4 ? [{ type: 'ipv4_dhcp' }] : []),
    ...nic.addresses.map((address) => fixed(address, nic)),
    ...(nic.ipv6 ? [{ type: AUTOMATIC[nic.ipv6] }] : []),
  ];
  const { search = [] } = nic;
  return networks.map((network, index) => ({
    id: `${nic.device}-${index}`,
    link: nic.device,
    ...network,
    ...(search.length > 0 && { dns_search: search }),
  }));
}

function fixed(text: string, { gateway4, gateway6 }: CloudInitNic): object {
  const { address, family, prefix } = parseCidr(text) ?? { address: text, family: 4, prefix: 32 };
  const gateway = family === 4 ? gateway4 : gateway6;
  const network = DEFAULT_NETWORKS[family];
  return {
    type: `ipv${family}`,
    ip_address: address,
    netmask: maskOf(family, prefix),
    routes: gateway === undefined ? [] : [{ network, netmask: network, gateway }],
  };
}

const maskOf = (family: 4 | 6, prefix: number): string =>
  (family === 4 ? ipaddr.IPv4 : ipaddr.IPv6).subnetMaskFromPrefixLength(prefix).toString();
