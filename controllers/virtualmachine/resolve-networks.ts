/** The networks of a spec → what each NIC shall be. Pure. */
import type { VirtualMachine } from '../../src/api/index.ts';
import type { NicWish, Unresolved } from './model.ts';
import { bridgeNamed } from './networks.ts';

type Network = NonNullable<VirtualMachine['spec']['networks']>[number];

/** @param fallback the Provider's bridge for names that stand for none */
export function resolveNics(
  networks: readonly Network[] | undefined,
  fallback: string | undefined,
): { readonly ok: true; readonly wishes: readonly NicWish[] | undefined } | Unresolved {
  const wishes: NicWish[] = [];
  for (const network of networks ?? []) {
    const bridge = network.bridge ?? bridgeNamed(network.name) ?? fallback;
    if (bridge === undefined) return unknown(network.name);
    wishes.push(wishOf(network, bridge));
  }
  return { ok: true, wishes: networks && wishes };
}

function wishOf({ name, model, vlan, mac, staticIP }: Network, bridge: string): NicWish {
  const gateway = staticIP?.gateway;
  return {
    name,
    bridge,
    ...(model !== undefined && { model }),
    ...(vlan !== undefined && { vlan }),
    ...(mac !== undefined && { mac }),
    ...(staticIP && {
      staticIP: {
        address: staticIP.address,
        dns: staticIP.dns ?? [],
        ...(gateway !== undefined && { gateway }),
      },
    }),
  };
}

const unknown = (name: string): Unresolved => ({
  ok: false,
  final: true,
  reason: 'NetworkUnknown',
  message: `The network name "${name}" stands for no bridge: give spec.networks[].bridge, or use lan, default (vmbr0), dmz (vmbr1), mgmt, management (vmbr2) or the name of a bridge.`,
});
