/** Resolves the networks of a spec to NICs. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import type { NicSettings, DesiredNic, Unresolved } from '../model/desired.ts';
import { bridgeNamed } from './nics.ts';

type Network = NonNullable<VirtualMachine['spec']['networks']>[number];

/** @param fallback - the Provider's bridge for other network names */
export function resolveNics(
  networks: readonly Network[] | undefined,
  fallback: string | undefined,
): { readonly ok: true; readonly desired: readonly DesiredNic[] | undefined } | Unresolved {
  const desired: DesiredNic[] = [];
  const unknownNames: string[] = [];
  for (const network of networks ?? []) {
    const bridge = network.bridge ?? bridgeNamed(network.name) ?? fallback;
    if (bridge === undefined) unknownNames.push(network.name);
    else desired.push(desiredNic(network, bridge));
  }
  return unknownNames.length > 0 ? unknown(unknownNames) : { ok: true, desired: networks && desired };
}

function desiredNic(network: Network, bridge: string): DesiredNic {
  const { name, vlan, mac, staticIP, ipv6, mtu, queues } = network;
  // PVE ignores MTU and queues for any other model.
  const model = network.model ?? (mtu === undefined && queues === undefined ? undefined : 'virtio');
  const settings = settingsOf(network);
  return {
    name,
    bridge,
    ...omitUndefined({ model, vlan, mac }),
    ...(staticIP && {
      staticIP: {
        address: staticIP.address,
        dns: staticIP.dns ?? [],
        ...omitUndefined({ gateway: staticIP.gateway }),
      },
    }),
    ...(ipv6 && { ipv6: { address: ipv6.address, ...omitUndefined({ gateway: ipv6.gateway }) } }),
    ...(Object.keys(settings).length > 0 && { settings }),
  };
}

/** Settings as PVE's values. A setting that is off is written out, to distinguish it from one that is not in the spec. */
const settingsOf = ({ mtu, firewall, rateLimit, trunks, linkDown, queues }: Network): NicSettings =>
  omitUndefined({
    mtu: mtu?.toString(),
    firewall: flag(firewall),
    rate: rateLimit?.toString(),
    trunks: trunks?.join(';'),
    link_down: flag(linkDown),
    queues: queues?.toString(),
  });

const flag = (value: boolean | undefined): string | undefined =>
  value === undefined ? undefined : value ? '1' : '0';

const unknown = (names: readonly string[]): Unresolved => ({
  ok: false,
  reason: 'NetworkUnknown',
  message: `No bridge is known for the network ${names.length > 1 ? 'names' : 'name'} ${names.map((name) => `"${name}"`).join(', ')}. Set spec.networks[].bridge, set spec.defaults.bridge of the Provider, or use lan, default (vmbr0), dmz (vmbr1), mgmt, management (vmbr2) or the name of a bridge.`,
});
