/** What a copy does not get of its source, because only one VM can have it or because it would be in the way. Pure. */
import type {
  VirtualMachine,
  VirtualMachineSpec,
  VirtualMachineSpecInput,
  VMCloneTarget,
} from '../../src/api/index.ts';
import { formatQuantity } from '../../src/lib/quantity.ts';

type Network = NonNullable<VirtualMachineSpec['networks']>[number];
type Disk = NonNullable<VirtualMachineSpec['disks']>[number];
type WrittenDisk = NonNullable<VirtualMachineSpecInput['disks']>[number];

const isAutomatic = (address: string): boolean => address === 'auto' || address === 'dhcp';

/** Two VMs with one address or MAC would disturb each other. */
export function withoutAddresses({ mac: _mac, staticIP: _staticIP, ipv6, ...rest }: Network): Network {
  return ipv6 && isAutomatic(ipv6.address) ? { ...rest, ipv6 } : rest;
}

const hasAddresses = ({ mac, staticIP, ipv6 }: Network): boolean =>
  mac !== undefined || staticIP !== undefined || (ipv6 !== undefined && !isAutomatic(ipv6.address));

/** A VM that was adopted has reasons to be kept that its copy does not have. */
export const isRetainedByAdoption = ({ adopt, deletionPolicy }: VirtualMachineSpec): boolean =>
  adopt !== undefined && deletionPolicy === 'Retain';

/** The data come with the clone. A disk of which no size is known comes, too, and is not listed. */
export const copiedDisks = ({
  spec,
  status,
}: Pick<VirtualMachine, 'spec' | 'status'>): readonly WrittenDisk[] | undefined =>
  spec.disks?.flatMap(({ importFrom: _importFrom, size, ...rest }) => {
    const written = sizeOf({ name: rest.name, size }, status);
    return written === undefined ? [] : [{ ...rest, size: written }];
  });

const sizeOf = (
  { name, size }: Pick<Disk, 'name' | 'size'>,
  status: VirtualMachine['status'],
): string | undefined =>
  size === undefined ? status?.disks?.find((disk) => disk.name === name)?.size : formatQuantity(size);

/** For people, each as an item of a list. @param namespace of the copy */
export function leftOut(
  { metadata, spec, status }: Pick<VirtualMachine, 'metadata' | 'spec' | 'status'>,
  target: VMCloneTarget,
  namespace: string,
): readonly string[] {
  const addressed = target.networks ? [] : (spec.networks ?? []).filter(hasAddresses);
  const served = addressed.filter(({ staticIP }) => (staticIP?.dns ?? []).length > 0);
  const unsized = (spec.disks ?? []).filter((disk) => sizeOf(disk, status) === undefined);
  const { protection, managementPolicy, placement } = spec;
  const items: readonly (readonly [isLeftOut: boolean, text: string])[] = [
    [addressed.length > 0, `MAC and static addresses of ${namesOf(addressed)}`],
    [served.length > 0, `the name servers that ${namesOf(served)} had with them`],
    [unsized.length > 0, `the entries of disks without a known size (${namesOf(unsized)})`],
    [placement?.host !== undefined, 'placement.host'],
    [
      spec.placementRef !== undefined &&
        target.placementRef === undefined &&
        metadata.namespace !== namespace,
      'placementRef, which names a policy of another namespace',
    ],
    [protection === true, 'protection'],
    [spec.guestName !== undefined, 'guestName'],
    [
      spec.cdroms !== undefined || spec.boot !== undefined,
      'cdroms and boot (the drives and their order are copied)',
    ],
    [managementPolicy === 'ObserveOnly' || managementPolicy === 'Paused', 'managementPolicy'],
    [isRetainedByAdoption(spec), 'deletionPolicy'],
  ];
  return items.filter(([isLeftOut]) => isLeftOut).map(([, text]) => text);
}

const namesOf = (named: readonly { readonly name: string }[]): string =>
  named.map(({ name }) => name).join(', ');
