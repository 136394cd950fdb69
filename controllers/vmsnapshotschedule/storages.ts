/** The storages that the disks of a VM are on, and how full they are. */
import type { VirtualMachine } from '../../src/api/index.ts';
import type { Readable } from '../../src/runtime/controller.ts';
import type { StorageView, View } from '../../src/pve/index.ts';
import type { Connections } from '../shared/cluster/connections.ts';
import { storagesIn } from '../shared/placement/storages.ts';
import type { StorageUse } from './model.ts';

type VM = Readable<VirtualMachine>;

export function storagesOf(vm: VM, connections: Pick<Connections, 'get'>): readonly StorageUse[] {
  const names = new Set(vm.status?.disks?.flatMap(({ storage }) => storage ?? []));
  const provider = providerOf(vm);
  const view = connections.get(provider.namespace, provider.name)?.inventory.view();
  if (!view)
    return [...names].map((name) => ({
      key: `${provider.namespace}/${provider.name}//${name}`,
      name,
      usedPercent: undefined,
    }));
  const index = storagesIn(view);
  const cluster = view.clusterName ?? `${provider.namespace}/${provider.name}`;
  const node = nodeOf(vm, view);
  return [...names].map((name) => ({
    key: `${cluster}/${index.isShared(name) ? '' : node}/${name}`,
    name,
    usedPercent: percent(index.at(node, name)),
  }));
}

const providerOf = ({ metadata, spec: { providerRef } }: VM) => ({
  namespace: providerRef?.namespace ?? metadata.namespace,
  name: providerRef?.name ?? '',
});

/** The list of guests is newer than what was reported. */
const nodeOf = ({ status }: VM, { guests }: View): string =>
  (status?.vmid === undefined ? undefined : guests.get(status.vmid)?.node) ?? status?.node ?? '';

/** A storage that is not available reports nothing, or what it was. */
const percent = (storage: StorageView | undefined): number | undefined =>
  storage?.status !== 'available' || !storage.total || storage.used === undefined
    ? undefined
    : (storage.used / storage.total) * 100;
