/** The networks of a spec as cloud-init sets them up in the guest. Pure. */
import { parseNic } from '../../../src/pve/index.ts';
import type { CloudInitNic } from '../../../src/cloudinit/index.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';
import type { DesiredNic } from '../model/desired.ts';
import { derivedMac } from '../networks/nics.ts';

export interface NicsContext {
  readonly uid: string;
  readonly devices: ReadonlyMap<string, string>;
  readonly config: GuestConfig;
}

export const cloudInitNics = (nics: readonly DesiredNic[], context: NicsContext): CloudInitNic[] =>
  nics.flatMap((nic) => {
    const device = context.devices.get(nic.name);
    return device === undefined ? [] : [nicOf(nic, device, context)];
  });

function nicOf(desired: DesiredNic, device: string, { uid, config }: NicsContext): CloudInitNic {
  const { mac, staticIP, ipv6 } = desired;
  return {
    device,
    mac: mac ?? parseNic(config[device] ?? '').mac ?? derivedMac(uid, device),
    dhcp4: staticIP === undefined,
    addresses: staticIP ? [staticIP.address] : [],
    dns: staticIP?.dns ?? [],
    ...gatewayOf(staticIP),
    ...(ipv6 && ofIPv6(ipv6, staticIP?.address)),
  };
}

/** @param other - the IPv4 address */
function ofIPv6(ipv6: NonNullable<DesiredNic['ipv6']>, other: string | undefined): Partial<CloudInitNic> {
  const { address } = ipv6;
  if (address === 'auto' || address === 'dhcp') return { ipv6: address };
  return { addresses: other === undefined ? [address] : [other, address], ...gatewayOf(ipv6) };
}

const gatewayOf = ({ gateway }: { readonly gateway?: string } = {}): Pick<
  CloudInitNic,
  'gateway4' | 'gateway6'
> => (gateway === undefined ? {} : gateway.includes(':') ? { gateway6: gateway } : { gateway4: gateway });
