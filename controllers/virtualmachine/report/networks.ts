/** NICs and their addresses in status. Pure. */
import { parseCidr } from '../../../src/lib/ip.ts';
import { inOrder } from '../networks/addresses.ts';
import type { Facts } from '../model/facts.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { VirtualMachineStatus } from '../../../src/api/index.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';

// Limits of the schema of the status.
const MAX_NETWORKS = 32;
const MAX_ADDRESSES_OF_A_NIC = 32;
const MAX_ADDRESSES = 64;

export function networksOf(
  before: VirtualMachineStatus,
  facts: Facts,
  own: Guest,
): Pick<VirtualMachineStatus, 'networks' | 'ipAddresses'> {
  // While the agent does not answer, a running guest keeps its last addresses; a stopped guest has none.
  const addressesOf = (device: string, name: string | undefined): readonly string[] => {
    const reported = facts.addresses?.find((nic) => nic.device === device)?.addresses;
    const last = before.networks?.find((network) => network.device === device)?.ipAddresses;
    const addresses = reported ?? (own.running ? last : undefined) ?? [];
    return inOrder(addresses, { spec: specAddresses(facts, name), before: last ?? [] }).slice(
      0,
      MAX_ADDRESSES_OF_A_NIC,
    );
  };
  const networks = facts.nics.slice(0, MAX_NETWORKS).map(({ name, device, mac = '', bridge, settings }) => {
    const ipAddresses = addressesOf(device, name);
    return {
      device,
      mac,
      ...omitUndefined({ name, bridge }),
      ...(settings.length > 0 && { settings: [...settings] }),
      ...(ipAddresses.length > 0 && { ipAddresses }),
    };
  });
  const all = new Set(networks.flatMap((network) => network.ipAddresses ?? []));
  const ipAddresses = [...all].slice(0, MAX_ADDRESSES);
  return { ...(networks.length > 0 && { networks }), ...(ipAddresses.length > 0 && { ipAddresses }) };
}

/** The fixed addresses of a network in the spec: not those that the guest gets by DHCP or SLAAC. */
function specAddresses({ want }: Facts, name: string | undefined): readonly string[] {
  const nic = want.exists ? want.nics?.find((each) => each.name === name) : undefined;
  return [nic?.staticIP?.address, nic?.ipv6?.address].flatMap(
    (address = '') => parseCidr(address)?.address ?? [],
  );
}
