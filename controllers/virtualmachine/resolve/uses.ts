/** What of a VM a grant does not cover, and whether the VM has it already. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { parseQuantity } from '../../../src/lib/quantity.ts';
import { isOutside, mayUseVolume, type Grant } from '../../shared/grants/grants.ts';
import { ROOT } from '../disks/slots.ts';
import type { Shape } from '../model/desired.ts';
import { deletionPolicyOf } from '../../shared/objects/deletion-policy.ts';

/** What a grant is needed for. */
export interface Use {
  /** `Disk data uses storage ssd` */
  readonly what: string;
  /** Of spec.grants. */
  readonly field: string;
  /** The VM has it already. */
  readonly inEffect: boolean;
  /** The disk or the network that asks for it. */
  readonly disk?: string;
  readonly nic?: string;
  readonly cdrom?: string;
  readonly device?: true;
}

export type Wanted = Pick<Shape, 'nics' | 'disks' | 'cdroms' | 'cloudInit' | 'host' | 'vmid' | 'devices'>;

/** @param storage - of the boot disk; absent: that of the template, which is judged with the placement */
export const usesOf = (
  vm: VirtualMachine,
  wanted: Wanted,
  { grant, storage }: { readonly grant: Grant; readonly storage: string | undefined },
): readonly Use[] => [
  ...nodeUses(vm, wanted, grant),
  ...diskUses(vm, wanted, { grant, storage }),
  ...cdromUses(vm, wanted, grant),
  ...bridgeUses(vm, wanted, grant),
  ...deviceUses(vm, wanted, grant),
  ...fieldUses(vm, wanted, grant),
];

/** A guest that was found again after its status was lost exists, although little is recorded of it. */
export const exists = ({ status }: VirtualMachine): boolean =>
  status?.name !== undefined || status?.internal?.recovered === true;

function nodeUses(vm: VirtualMachine, { host }: Wanted, { nodes }: Grant): Use[] {
  const made = exists(vm);
  const node = made ? vm.status?.node : host;
  if (!isOutside<string>(nodes, node)) return [];
  const what = made ? 'The VM runs on' : 'spec.placement.host names';
  return [{ what: `${what} node ${node ?? ''}`, field: 'nodes', inEffect: made }];
}

function diskUses(
  vm: VirtualMachine,
  { disks = [] }: Wanted,
  { grant, storage }: { readonly grant: Grant; readonly storage: string | undefined },
): Use[] {
  const recorded = vm.status?.disks?.filter(({ volume }) => volume !== undefined) ?? [];
  const root = vm.spec.disks?.find(({ name }) => name === ROOT);
  const rootNow = recorded.find(({ name }) => name === ROOT)?.storage;
  const rootStorage = exists(vm) ? (root?.storageClass ?? rootNow) : storage;
  const all = [
    {
      name: ROOT,
      storage: rootStorage,
      storageClass: root?.storageClass,
      size: root?.size,
      importFrom: undefined,
    },
    ...disks.map((disk) => ({ ...disk, storage: disk.storage ?? rootStorage })),
  ];
  return all.flatMap((disk) => {
    const has = recorded.find(({ name }) => name === disk.name);
    // A disk that exists is moved only if it names a storage itself.
    const at = has ? (disk.storageClass ?? has.storage) : disk.storage;
    const grows = disk.size !== undefined && disk.size > sizeOf(has?.size);
    const storageUse: Use = {
      what: `Disk ${disk.name} uses storage ${at ?? ''}`,
      field: 'storages',
      inEffect: has !== undefined && has.storage === at && !grows,
      disk: disk.name,
    };
    const importUse: Use = {
      what: `Disk ${disk.name} is imported from ${disk.importFrom ?? ''}`,
      field: 'volumes',
      inEffect: has !== undefined,
      disk: disk.name,
    };
    return [
      ...(isOutside(grant.storages, at) ? [storageUse] : []),
      ...(disk.importFrom === undefined || mayUseVolume(grant.volumes, disk.importFrom) ? [] : [importUse]),
    ];
  });
}

/** A size that is not known counts as any: PVE never shrinks a disk. */
function sizeOf(size: string | undefined): number {
  const parsed = size === undefined ? undefined : parseQuantity(size);
  return parsed && 'value' in parsed ? parsed.value : Infinity;
}

function cdromUses(vm: VirtualMachine, { cdroms = [] }: Wanted, { volumes }: Grant): Use[] {
  const recorded = vm.status?.cdroms ?? [];
  return cdroms.flatMap(({ name, volume, downloaded }) =>
    volume === undefined || downloaded || mayUseVolume(volumes, volume)
      ? []
      : [
          {
            what: `CD-ROM drive ${name} uses image ${volume}`,
            field: 'volumes',
            inEffect: recorded.some((each) => each.name === name && each.volume === volume),
            cdrom: name,
          },
        ],
  );
}

function bridgeUses(vm: VirtualMachine, { nics = [] }: Wanted, { bridges }: Grant): Use[] {
  const recorded = vm.status?.networks ?? [];
  return nics
    .filter(({ bridge }) => isOutside(bridges, bridge))
    .map(({ name, bridge }) => ({
      what: `Network ${name} uses bridge ${bridge}`,
      field: 'bridges',
      inEffect: recorded.some((nic) => nic.name === name && nic.bridge === bridge),
      nic: name,
    }));
}

function deviceUses(
  { status }: VirtualMachine,
  { devices = [] }: Wanted,
  { devices: allowed }: Grant,
): Use[] {
  if (allowed === 'all') return [];
  const names = new Set(devices.map(({ mapping }) => mapping));
  return [...names]
    .filter((mapping) => !allowed.includes(mapping))
    .map((mapping) => ({
      what: `The VM uses a device of the resource mapping ${mapping}`,
      field: 'devices',
      inEffect: status?.devices?.some((each) => each.mapping === mapping) ?? false,
      device: true,
    }));
}

function fieldUses(vm: VirtualMachine, { vmid }: Wanted, grant: Grant): Use[] {
  const policy = deletionPolicyOf(vm);
  const pool = vm.spec.placement?.pool;
  const range = grant.vmIdRange;
  const made = exists(vm);
  return [
    ...(isOutside(grant.deletionPolicies, policy)
      ? [{ what: `The deletion policy is ${policy}`, field: 'deletionPolicies', inEffect: made }]
      : []),
    ...(isOutside(grant.pools, pool)
      ? [{ what: `spec.placement.pool names pool ${pool ?? ''}`, field: 'pools', inEffect: made }]
      : []),
    ...(vmid !== undefined && range && (vmid < range.start || vmid > range.end) && !made
      ? [{ what: `spec.vmid is ${vmid}`, field: 'vmIdRange', inEffect: false }]
      : []),
  ];
}

/** A guest that was configured has its data; whether it is that of this snippet does not matter, since no other is delivered. */
export function snippetUse({ status, metadata }: VirtualMachine, { cloudInit }: Wanted, grant: Grant): Use[] {
  const snippet = cloudInit?.snippet;
  if (snippet === undefined || mayUseVolume(grant.snippets, snippet)) return [];
  return [
    {
      what: `The user data is snippet ${snippet}`,
      field: 'snippets',
      inEffect: status?.internal?.uuid === metadata.uid,
    },
  ];
}
